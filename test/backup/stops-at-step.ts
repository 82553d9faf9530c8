import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

// Preloaded before the command line. Before its n-th change of a file below a folder, the process
// kills itself, as if somebody had pulled the plug there; or it waits for a file, while others work.
// Or it keeps a copy of the folder before each change: what a kill there would leave. Its child is
// loaded without it.

const { AT_STEP, IN_FOLDER = '', WAIT_FOR, KEEP_STATES } = process.env;
const { cpSync, existsSync, openSync, renameSync, rmSync, writeFileSync, fsyncSync } = fs;

let left = Number(AT_STEP);
let kept = 0;
let isKeeping = false;

function step(path: unknown): void {
  const isThere = typeof path === 'number' || String(path).startsWith(IN_FOLDER);
  if (!isThere || isKeeping) return;
  if (KEEP_STATES !== undefined) keepState(KEEP_STATES);
  if (--left !== 0) return;
  if (WAIT_FOR === undefined) process.kill(process.pid, 'SIGKILL');
  else waitFor(WAIT_FOR);
}

function keepState(folder: string): void {
  // Copying changes files too.
  isKeeping = true;
  kept += 1;
  cpSync(IN_FOLDER, `${folder}/${kept}`, { recursive: true });
  isKeeping = false;
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
