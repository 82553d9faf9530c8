import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { temporaryFolder } from '../temporary.js';
import { Program } from './program.js';
import { reported } from './table.js';

const TICKS = 50;
const writer = new Program(join(import.meta.dirname, 'sync-writer.ts'));

/** Whether processes may be traced here. */
const canTrace = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0;

/** How often the writer had the WAL written to the disk. */
async function walSyncs(path: string, durability: string): Promise<number> {
  const strace = ['strace', '-f', '-y', '-e', 'trace=fsync,fdatasync'];
  const { exitCode, stderr } = await writer.run([path, durability, TICKS], strace);
  expect(exitCode).toBe(0);
  return [...stderr.matchAll(/f(?:data)?sync\(\d+<[^>]*-wal>\) += 0/g)].length;
}

it.skipIf(!canTrace)(
  "durability 'full' syncs the WAL for each commit, 'normal' for none",
  async () => {
    const path = join(temporaryFolder(), 'pylon.db');
    const db = await PylonDb.open(path);
    await db.agents.upsert({ npub: 'a', name: '', lifecycle_state: 'active' });
    await db.close();
    const full = await walSyncs(path, 'full');
    const normal = await walSyncs(path, 'normal');
    expect(full).toBeGreaterThanOrEqual(TICKS);
    // One when the WAL starts over.
    expect(normal).toBeLessThanOrEqual(2);
    reported("power loss: sync calls of 'full'", {
      tried: `${TICKS} lone commits under strace`,
      figure: `${full} syncs of the WAL; ${normal} with 'normal'`,
    });
  },
);
