import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { CLI } from '../cli/command.js';
import { stored } from '../file.js';
import { connected, describeOnServer } from '../postgres/own-server.js';
import { temporaryFolder } from '../temporary.js';
import { fuzzSeed, Random } from './random.js';
import { reported } from './table.js';

const SEED = fuzzSeed();

/** Kills each way. */
const KILLS = 6;

/** Jobs of the source, and as many ticks: a copy takes long enough to be hit. */
const JOBS = 8_000;

const ROWS = 'select (select count(*) from jobs) + (select count(*) from tick_history) as rows';

describeOnServer('copy, killed', (own) => {
  it(`never leaves a partly filled destination (seed ${SEED})`, { timeout: 600_000 }, async () => {
    const random = new Random(SEED);
    const file = await source();
    const server = await own.freshSchema();
    const takesMs = await copied(file, server);
    const ends = { empty: 0, whole: 0 };
    for (let kill = 0; kill < 2 * KILLS; kill++) {
      const toServer = kill % 2 === 0;
      const destination = toServer
        ? await own.freshSchema()
        : join(temporaryFolder(), 'destination.db');
      await killed(toServer ? file : server, destination, takesMs * (0.2 + random.next()));
      const rows = toServer ? await serverRows(destination) : await fileRows(destination);
      expect({ kill, rows }).toEqual({ kill, rows: rows === 0 ? 0 : 2 * JOBS });
      ends[rows === 0 ? 'empty' : 'whole'] += 1;
    }
    expect(ends.empty).toBeGreaterThan(0);
    reported('kill -9 of copy, to a server and to a file', {
      tried: `${2 * KILLS} kills`,
      figure: `0 partly filled: ${ends.empty} empty, ${ends.whole} already whole`,
    });
  });

  it('rolls back on Ctrl-C, and says so', async () => {
    const [file, server] = [await source(), await own.freshSchema()];
    const child = spawn('node', [CLI, 'copy', '--from', file, '--to', server]);
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const watcher = await connected(server);
    // The table is locked from the beginning of the copy to its end.
    for (let look = 0; look < 1000; look++) {
      const { rows } = await watcher.query(
        `select 1 from pg_locks where mode = 'AccessExclusiveLock'
         and relation = to_regclass('jobs') and granted`,
      );
      if (rows.length > 0 || child.exitCode !== null) break;
      await sleep(5);
    }
    child.kill('SIGINT');
    const exitCode = await new Promise((resolve) => child.on('close', resolve));
    const rows = await serverRows(server);
    // It may have been about to commit.
    if (rows > 0) expect([exitCode, rows]).toEqual([0, 2 * JOBS]);
    else expect([exitCode, stderr]).toEqual([1, expect.stringContaining('stopped')]);
  });

  async function serverRows(url: string): Promise<number> {
    const client = await connected(url);
    // The server may not have noticed yet that its client is gone: this waits for its lock.
    const tables = await client.query("select to_regclass('tick_history') as there");
    if (tables.rows[0]?.there === null) return 0;
    const { rows } = await client.query(ROWS);
    return Number(rows[0]?.rows);
  }
});

async function source(): Promise<string> {
  const path = join(temporaryFolder(), 'source.db');
  await using db = await PylonDb.open(path);
  await db.transaction(async (tx) => {
    await tx.agents.upsert({ npub: 'a', name: 'A', lifecycle_state: 'active' });
    for (let i = 0; i < JOBS; i++) {
      await tx.jobs.create({ id: `job-${i}`, kind: 1, customer_pubkey: 'c'.repeat(64) });
      await tx.agents.recordTick('a', { tick_number: i });
    }
  });
  return path;
}

/** Copies once, whole, and gives the time it took in ms. */
async function copied(from: string, to: string): Promise<number> {
  const start = performance.now();
  const child = spawn('node', [CLI, 'copy', '--from', from, '--to', to], { stdio: 'ignore' });
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  return performance.now() - start;
}

async function killed(from: string, to: string, afterMs: number): Promise<void> {
  const child = spawn('node', [CLI, 'copy', '--from', from, '--to', to], { stdio: 'ignore' });
  const closed = new Promise((resolve) => child.on('close', resolve));
  await sleep(afterMs);
  child.kill('SIGKILL');
  await closed;
}

async function fileRows(path: string): Promise<number> {
  if (!existsSync(path)) return 0;
  // Killed before it was migrated, it is an empty file.
  await (await PylonDb.open(path)).close();
  return Number(Reflect.get(stored(path, ROWS)[0] ?? {}, 'rows'));
}
