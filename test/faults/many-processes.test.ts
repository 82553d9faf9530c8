import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { valueOutside } from '../engine/outside.js';
import { freshTotals, rollupTotals } from '../migrate/fresh-aggregate.js';
import { temporaryFolder } from '../temporary.js';
import { Program } from './program.js';
import { reported } from './table.js';

const PROCESSES = 8;
const WRITES = 500;

/** Fewer than the claims, so that workers fight for the last ones. */
const JOBS = 800;

const worker = new Program(join(import.meta.dirname, 'many-processes-worker.ts'));

interface Said {
  readonly claimed: readonly string[];
  readonly failures: readonly string[];
  readonly ticks: number;
  readonly sats: number;
  readonly counted: number;
  readonly longestWaitMs: number;
}

it(`${PROCESSES} processes with ${WRITES} writes each lose no update and claim no job twice`, async () => {
  const path = join(temporaryFolder(), 'pylon.db');
  const db = await PylonDb.open(path);
  for (const npub of ['a', 'b', 'c', 'counter']) {
    await db.agents.upsert({ npub, name: '', lifecycle_state: 'active' });
  }
  await Promise.all(
    Array.from({ length: JOBS }, (_, i) =>
      db.jobs.create({ id: `job ${i}`, kind: 1, customer_pubkey: 'c' }),
    ),
  );
  await db.close();

  const ends = await Promise.all(
    Array.from({ length: PROCESSES }, (_, i) => worker.run([path, i, WRITES])),
  );
  for (const { exitCode, stderr } of ends)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const said = ends.map(({ lines }): Said => JSON.parse(lines[0] ?? ''));
  const sum = (of: (one: Said) => number) => said.reduce((total, one) => total + of(one), 0);

  expect(said.flatMap(({ failures }) => failures)).toEqual([]);
  const claimed = said.flatMap((one) => one.claimed);
  expect(new Set(claimed).size).toBe(claimed.length);
  expect(claimed).toHaveLength(JOBS);
  expect(valueOutside(path, "select count(*) from jobs where status = 'processing'")).toBe(JOBS);
  expect(valueOutside(path, 'select count(*) from tick_history')).toBe(sum(({ ticks }) => ticks));
  expect(valueOutside(path, 'select sum(tick_count) from agents')).toBe(sum(({ ticks }) => ticks));
  const balance = (where: string) => `select sum(balance_sats) from agents where ${where}`;
  expect(valueOutside(path, balance("npub <> 'counter'"))).toBe(sum(({ sats }) => sats));
  const counted = sum((one) => one.counted);
  expect(counted).toBe((PROCESSES * WRITES) / 4);
  expect(valueOutside(path, balance("npub = 'counter'"))).toBe(counted);
  expect(valueOutside(path, 'select count(*) from earnings')).toBe(counted);
  expectSound(path);
  reported('many processes', {
    tried: `${PROCESSES} processes × ${WRITES} mixed writes: claims, ticks, balances, transactions`,
    figure: `0 BUSY, 0 lost updates, 0 double claims, sums exact; longest wait ${Math.max(
      ...said.map(({ longestWaitMs }) => Math.round(longestWaitMs)),
    )} ms`,
  });
});

function expectSound(path: string): void {
  const db = new Database(path);
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(rollupTotals(db)).toEqual(freshTotals(db));
  db.close();
}
