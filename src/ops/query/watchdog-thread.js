import { parentPort, workerData } from 'node:worker_threads';

// The thread that `killedAfter` starts: it ends the whole process when the time is over. JavaScript,
// because a thread has no TypeScript loader, even where its process has one.

setTimeout(() => process.kill(process.pid, 'SIGKILL'), workerData);
parentPort.postMessage('watching');
