import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { EXPORT_TABLES, type ExportTable } from '../../src/cli/export/parts.js';
import { PylonDb } from '../../src/index.js';
import { CLI, publishedFile } from '../cli/command.js';
import { temporaryFolder } from '../temporary.js';
import { exportOf } from './copied.js';
import { connected, describeOnServer } from './own-server.js';

/** Jobs, and as many earnings and ticks. */
const JOBS = 2_500;

/** In characters: that of a tick, so that all ticks take 30 MB. */
const NOTE_LENGTH = 12_000;

/** What a copy may hold in memory, in MB: far less than all ticks take. */
const HEAP_MB = 24;

/** In characters, each of which is escaped. */
const TEXT_LENGTH = 4_000_000;

/** In MB: 280 was measured. Rows of 2.5 times that length took 1,800 when all were held. */
const MOST_ESCAPED_MB = 400;

describeOnServer('copy of large rows in which every character is escaped', (own) => {
  it('holds a few of them in memory at once', async () => {
    const file = publishedFile(temporaryFolder());
    await (await PylonDb.open(file)).close();
    const db = new Database(file);
    const tick = db.prepare(
      `insert into tick_history (agent_npub, tick_number, actions_json, created_at)
       values ((select min(npub) from agents), ?, ?, 1)`,
    );
    for (let i = 0; i < 10; i++) tick.run(10_000 + i, '\\'.repeat(TEXT_LENGTH));
    db.close();
    const url = await own.freshSchema();
    const { exitCode, peakMb } = await measured(file, url);
    expect(exitCode).toBe(0);
    expect(peakMb).toBeLessThan(MOST_ESCAPED_MB);
    const { rows } = await (await connected(url)).query<{ bytes: string }>(
      'select sum(length(actions_json)) as bytes from tick_history where tick_number >= 10000',
    );
    expect(rows).toEqual([{ bytes: String(10 * TEXT_LENGTH) }]);
  });
});

describeOnServer('copy of 30 MB in 7,500 rows', (own) => {
  it('there and back gives the same rows, in bounded memory', async () => {
    const file = await largeFile();
    const url = await own.freshSchema();
    const back = join(temporaryFolder(), 'back.db');
    const there = await measured(file, url, HEAP_MB);
    const again = await measured(url, back, HEAP_MB);
    console.log(`copy of 7,500 rows: to the server ${there.reported}; back ${again.reported}`);
    expect([there.exitCode, again.exitCode]).toEqual([0, 0]);
    // Not toEqual: a difference of 30 MB would take minutes to print.
    for (const table of EXPORT_TABLES) {
      const [before, after] = [await rowsOf(file, table), await rowsOf(back, table)];
      expect([table, after === before]).toEqual([table, true]);
    }
  });
});

async function measured(from: string, to: string, heapMb = 4000) {
  const start = performance.now();
  const heap = `--max-old-space-size=${heapMb}`;
  const child = spawn('node', [heap, CLI, 'copy', '--from', from, '--to', to, '--quiet'], {
    stdio: 'ignore',
  });
  let peakMb = 0;
  const look = setInterval(() => {
    peakMb = Math.max(peakMb, peakMbOf(child.pid));
  }, 20);
  const exitCode = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(look);
  const seconds = (performance.now() - start) / 1000;
  const rate = Math.round((3 * JOBS) / seconds).toLocaleString('en');
  return { exitCode, peakMb, reported: `${rate} rows/s, at most ${Math.round(peakMb)} MB` };
}

/** The most memory that a process had; 0 where the system doesn't say. */
function peakMbOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** All formats are compared where rows are few. */
async function rowsOf(file: string, table: ExportTable): Promise<string> {
  const selection = { tables: [table] };
  return await exportOf(file, { selection, format: 'ndjson', includeSecrets: true });
}

async function largeFile(): Promise<string> {
  const path = publishedFile(temporaryFolder());
  await (await PylonDb.open(path)).close();
  const db = new Database(path);
  try {
    const job = db.prepare(
      `insert into jobs (id, kind, customer_pubkey, status, price_msats, output_hash, started_at,
       created_at) values (?, 5050, ?, 'completed', 1000, ?, ?, ?)`,
    );
    const earning = db.prepare(
      `insert into earnings (id, job_id, amount_msats, source, payment_hash, preimage, earned_at)
       values (?, ?, 1000, 'job', ?, ?, ?)`,
    );
    const tick = db.prepare(
      `insert into tick_history (agent_npub, tick_number, actions_json, created_at)
       values ((select min(npub) from agents), ?, ?, ?)`,
    );
    const hex = 'ab'.repeat(32);
    const actions = JSON.stringify([{ note: 'Grüße '.repeat(NOTE_LENGTH / 6) }]);
    db.transaction(() => {
      for (let i = 0; i < JOBS; i++) {
        const [id, time] = [randomUUID(), 1_700_000_000 + i];
        job.run(id, hex, hex, time, time);
        earning.run(`earn-${randomUUID()}`, id, hex, hex, time);
        tick.run(10_000 + i, actions, time);
      }
    })();
  } finally {
    db.close();
  }
  return path;
}
