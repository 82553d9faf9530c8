// `node command-process.mjs CLI`: runs the command line for each list of arguments that its parent
// sends, from its first line until a process would end. Only what takes most of a command's time
// happens once: starting Node and loading modules.
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [, , cli] = process.argv;
const source = pathToFileURL(cli).href;
const outputs = [process.stdout, process.stderr];
let calls = 0;

process.on('message', async ({ args, end }) => {
  const before = process.getActiveResourcesInfo().length;
  process.argv = [process.execPath, cli, ...args];
  process.exitCode = undefined;
  calls += 1;
  // By another URL Node runs the same file anew.
  await import(`${source}?${calls}`);
  // A connection or timer that a command left would keep its process, and so the test.
  while (process.getActiveResourcesInfo().length > before) await setImmediate();
  const exitCode = process.exitCode ?? 0;
  for (const output of outputs) output.removeAllListeners('error').write(end);
  process.send(exitCode);
});
