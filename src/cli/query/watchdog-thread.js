import { parentPort, workerData } from 'node:worker_threads';

// The thread that `killedAfter` starts: it ends the whole process when the time is over, or when the
// process that waits for the answer is gone. JavaScript, because a thread has no TypeScript loader,
// even where its process has one.

/** How often it looks for the parent, in ms: what nobody waits for may take a core for so long. */
const LOOK_MS = 500;

const parent = process.ppid;
const end = () => process.kill(process.pid, 'SIGKILL');
setTimeout(end, workerData);
setInterval(() => {
  if (process.ppid !== parent) end();
}, LOOK_MS);
parentPort.postMessage('watching');
