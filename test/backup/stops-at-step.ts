import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

// Preloaded before the command line. Before its n-th change of a file below a folder, the process
// kills itself, as if somebody had pulled the plug there; or it waits for a file, while others work.
// Its child is loaded without it.

const { AT_STEP, IN_FOLDER = '', WAIT_FOR } = process.env;
const { existsSync, openSync, renameSync, rmSync, writeFileSync, fsyncSync } = fs;

let left = Number(AT_STEP);

function step(path: unknown): void {
  const isThere = typeof path === 'number' || String(path).startsWith(IN_FOLDER);
  if (!isThere || --left !== 0) return;
  if (WAIT_FOR === undefined) process.kill(process.pid, 'SIGKILL');
  else waitFor(WAIT_FOR);
}

function waitFor(path: string): void {
  writeFileSync(`${path}.asked`, '');
  while (!existsSync(path)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}

Object.assign(fs, {
  openSync(...args: Parameters<typeof openSync>) {
    step(args[0]);
    return openSync(...args);
  },
  renameSync(...args: Parameters<typeof renameSync>) {
    step(args[0]);
    renameSync(...args);
  },
  rmSync(...args: Parameters<typeof rmSync>) {
    step(args[0]);
    rmSync(...args);
  },
  writeFileSync(...args: Parameters<typeof writeFileSync>) {
    step(args[0]);
    writeFileSync(...args);
  },
  fsyncSync(...args: Parameters<typeof fsyncSync>) {
    step(args[0]);
    fsyncSync(...args);
  },
});
syncBuiltinESMExports();
