import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { readOutside } from '../engine/outside.js';
import { freshTotals, rollupTotals } from '../migrate/fresh-aggregate.js';
import { temporaryFolder } from '../temporary.js';
import { fuzzSeed, Random } from './random.js';

const ROOT = join(import.meta.dirname, '../..');
const SCRIPT = join(import.meta.dirname, 'acknowledges.ts');
const ROUNDS = 4;
const SEED = fuzzSeed();

/** Runs a writer, kills it `afterMs` after its first acknowledgement, and gives what it printed. */
async function killedWriter(path: string, round: number, afterMs: number): Promise<string[]> {
  const args = ['--import', 'tsx', SCRIPT, path, String(round)];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  await sleep(afterMs);
  child.kill('SIGKILL');
  await closed;
  expect(child.signalCode).toBe('SIGKILL');
  // What stands after the last line break was cut off, so it was not told.
  return Buffer.concat(chunks).toString().split('\n').slice(0, -1);
}

function found(path: string, sql: string): Set<unknown> {
  return new Set(readOutside(path, sql).flatMap((row) => Object.values(row ?? {})));
}

it(`kill -9 loses nothing that was acknowledged, and leaves no half unit (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const path = join(temporaryFolder(), 'pylon.db');
  for (let round = 0; round < ROUNDS; round++) {
    const acknowledged = await killedWriter(path, round, 30 + random.int(300));
    expect(acknowledged.length).toBeGreaterThan(0);

    const stored = found(
      path,
      `select 'tick ' || id from tick_history
       union all select 'paid ' || j.id from jobs j join earnings e on e.job_id = j.id
         where j.status = 'completed'
       union all select 'pair ' || replace(id, '-one', '') from jobs where id like '%-one'`,
    );
    expect(acknowledged.filter((one) => !stored.has(one))).toEqual([]);

    const halves = `
      select npub from agents a
        where tick_count <> (select count(*) from tick_history where agent_npub = a.npub)
      union all select id from jobs j where kind = 1
        and (status = 'completed') <> exists (select 1 from earnings where job_id = j.id)
      union all select id from jobs j where kind = 2 and not exists (select 1 from jobs k
        where k.id = substr(j.id, 1, length(j.id) - 3)
          || case when j.id like '%one' then 'two' else 'one' end)`;
    expect(readOutside(path, halves)).toEqual([]);
    expectSound(path);
  }
});

function expectSound(path: string): void {
  const db = new Database(path);
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(db.pragma('foreign_key_check')).toEqual([]);
  expect(rollupTotals(db)).toEqual(freshTotals(db));
  db.close();
}
