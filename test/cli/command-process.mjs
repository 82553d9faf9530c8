// Runs the program that its parent names, with the arguments and in the folder that it gives, from its
// first line until a process would end; then the next one. Only what takes most of a command's time
// happens once: starting Node and loading modules.
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const outputs = [process.stdout, process.stderr];
let calls = 0;

process.on('message', async ({ program, args, folder, end }) => {
  process.chdir(folder);
  const before = process.getActiveResourcesInfo().length;
  process.argv = [process.execPath, program, ...args];
  process.exitCode = undefined;
  calls += 1;
  // By another URL Node runs the same file anew.
  await import(`${pathToFileURL(program).href}?${calls}`);
  // A connection or timer that a command left would keep its process, and so the test.
  while (process.getActiveResourcesInfo().length > before) await setImmediate();
  const exitCode = process.exitCode ?? 0;
  for (const output of outputs) output.removeAllListeners('error').write(end);
  process.send(exitCode);
});
