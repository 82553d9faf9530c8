import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/**
 * Builds failing-calls.c for the tests of one file; `undefined` where no compiler or no Linux is.
 */
export function buildPreload(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'pylon-db-preload-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const library = join(folder, 'failing-calls.so');
  const source = join(import.meta.dirname, 'failing-calls.c');
  const built = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
  return process.platform === 'linux' && built.status === 0 ? library : undefined;
}

/** The command before a program whose calls shall fail as the control file says. */
export function failing(preload: string | undefined, control: string): readonly string[] {
  return ['env', `LD_PRELOAD=${preload}`, `FAILING_CALLS=${control}`];
}
