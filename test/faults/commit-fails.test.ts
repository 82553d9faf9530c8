import { join } from 'node:path';
import { expect, it } from 'vitest';
import { valueOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';
import { createControl, type Fault } from './failing-calls.js';
import { buildPreload, failing } from './failing-preload.js';
import { Program } from './program.js';

const preload = buildPreload();
const writer = new Program(join(import.meta.dirname, 'commit-fails-writer.ts'));

interface Ended {
  readonly failed: number;
  readonly ends: Readonly<Record<string, string>>;
}

/** Lets a process commit in one way under a fault, kills it, and says what it said and what is stored. */
async function commit(way: string, fault: Fault) {
  const folder = temporaryFolder();
  const [path, control] = [join(folder, 'pylon.db'), join(folder, 'control')];
  createControl(control);
  const { lines, stderr } = await writer.run(
    [path, control, way, JSON.stringify(fault)],
    failing(preload, control),
  );
  expect(lines, stderr).toHaveLength(1);
  const { failed, ends }: Ended = JSON.parse(lines[0] ?? '');
  expect(failed).toBeGreaterThan(0);
  // The kill left the WAL, which this connection recovers.
  const stored = (id: string) =>
    valueOutside(
      path,
      `select count(*) from jobs where id = '${id}' and (id <> 'paid' or status = 'completed')`,
    );
  return { ends, stored };
}

const WAYS = [
  'a lone statement',
  'several units in one turn',
  'a unit of several statements',
  'an interactive transaction',
  'an ad-hoc write',
  'an ad-hoc write that returns rows',
  'a migration',
];

const SYNC_OF_WAL = { call: 'sync', error: 'EIO', file: '-wal' } as const;

it.skipIf(preload === undefined).each(WAYS)(
  '%s whose COMMIT fails once on the disk is stored after a crash if and only if it said so',
  async (way) => {
    const { ends, stored } = await commit(way, { ...SYNC_OF_WAL, times: 1 });
    for (const [id, end] of Object.entries(ends)) {
      // Units that shared the COMMIT ran again, each alone.
      expect(end).toBe(way === 'several units in one turn' ? 'stored' : 'ABORTED');
      expect(stored(id)).toBe(end === 'stored' ? 1 : 0);
    }
  },
);

it.skipIf(preload === undefined).each(WAYS)(
  '%s whose COMMIT fails on a disk that stays bad says that nobody can know',
  async (way) => {
    const { ends } = await commit(way, SYNC_OF_WAL);
    for (const end of Object.values(ends)) expect(end).toBe('COMMIT_UNKNOWN');
  },
);

it.skipIf(preload === undefined)(
  'a unit for whose index the disk has no room is not stored when it says so',
  async () => {
    const { ends, stored } = await commit('a unit larger than the index', {
      call: 'write',
      error: 'ENOSPC',
      file: '-shm',
    });
    expect(ends).toEqual({ a: 'ABORTED' });
    expect(stored('a')).toBe(0);
  },
);

it.skipIf(preload === undefined)(
  'a refused COMMIT is emptied out of a WAL that cannot be written',
  async () => {
    const { ends, stored } = await commit('a lone statement', { ...SYNC_OF_WAL, call: 'write' });
    expect(ends).toEqual({ a: 'ABORTED' });
    expect(stored('a')).toBe(0);
  },
);
