import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { temporaryFolder } from '../temporary.js';
import { answers, BUSY_AGENT } from './answers.js';
import { contents, json, publishedFile, pylonDb } from './command.js';

const run = promisify(execFile);

describe('commands that only read', () => {
  it('leave file and folder as they were', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const before = contents(folder);
    const commands = [
      ['info'],
      ['jobs'],
      ['earnings'],
      ['earnings', '--by', 'month'],
      ['agents'],
      ['ticks', BUSY_AGENT],
      ['migrate', 'status'],
      ['migrate', 'plan'],
      ['migrate', 'verify'],
    ];
    for (const command of commands) {
      await pylonDb([...command, '--db', path]);
      expect([command, contents(folder)]).toEqual([command, before]);
    }
  });

  it('leave the WAL of a writer that died as it was', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    // Leaves its WAL behind, as a killed process does.
    await run('node', [
      '-e',
      `const db = require('better-sqlite3')(${JSON.stringify(path)});
       db.exec("update agents set balance_sats = 777777 where npub = (select max(npub) from agents)");
       process.kill(process.pid, 'SIGKILL');`,
    ]).catch(() => {});
    const before = contents(folder);
    expect(Object.keys(before)).toContain(`${path}-wal`);
    const { stdout } = await pylonDb(['agents', '--db', path]);
    await pylonDb(['migrate', 'plan', '--db', path]);
    expect(stdout).toContain('777,777 sats');
    expect(contents(folder)).toEqual(before);
  });
});

describe('info', () => {
  it('reports size, migrations and totals as the author of the file counted them', async () => {
    const path = publishedFile(temporaryFolder());
    const info = await json(['info', '--db', path]);
    const summary = answers.get_earnings_summary;
    expect(info).toMatchObject({
      path,
      size_bytes: readFileSync(path).length,
      wal_bytes: 0,
      migrations: {
        applied: ['001_initial_schema'],
        pending: Object.keys(migrations).slice(1),
      },
      jobs: answers.count_jobs_by_status,
      earnings: { total_msats: summary.total_msats, job_count: summary.job_count },
    });
    expect(info).toHaveProperty('agents.active', answers.list_agents_by_state['active']?.length);
  });

  it('is short and readable', async () => {
    const path = publishedFile(temporaryFolder());
    const { stdout, stderr } = await pylonDb(['info', '--db', path]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^path +\S+node-001\.db\nidentity +none before .+\nsize +324 KiB \+ 0 bytes in the WAL\n/,
    );
    expect(stdout).toContain(
      `1 applied, ${Object.keys(migrations).length - 1} pending (\`pylon-db migrate up\`)`,
    );
    expect(stdout).toMatch(/\njobs +200\n +pending +\d+\n/);
    expect(stdout).toMatch(/\nearnings +[\d,]+\.\d{3} sats · \d+ paid jobs\n/);
  });
});

describe('lists', () => {
  it('give the jobs of a status as JSON, as the author of the file listed them', async () => {
    const path = publishedFile(temporaryFolder());
    const failed = await json(['jobs', '--status', 'failed', '--limit', '100', '--db', path]);
    expect(failed).toEqual(answers.list_jobs_by_status_100.failed);
  });

  it('give the jobs of one customer', async () => {
    const path = publishedFile(temporaryFolder());
    const all = answers.get_job_all;
    const customer = all[0]?.customer_pubkey ?? '';
    const found = await json(['jobs', '--customer', customer, '--limit', '1000', '--db', path]);
    const ids = (rows: readonly { id: string }[]) => rows.map((row) => row.id).sort();
    const theirs = all.filter((job) => job.customer_pubkey === customer);
    expect(ids(found as { id: string }[])).toEqual(ids(theirs));
  });

  it('show one job with all its fields', async () => {
    const path = publishedFile(temporaryFolder());
    const job = answers.list_jobs_by_status_100.failed[0] as (typeof answers.get_job_all)[number];
    expect(await json(['jobs', job.id, '--db', path])).toEqual(job);
    const { stdout } = await pylonDb(['jobs', job.id, '--db', path]);
    expect(stdout).toContain(`id             ${job.id}\nstatus         failed\n`);
    expect(stdout).toContain(`customer       ${job.customer_pubkey}\n`);
    expect(stdout).toContain(`error          ${job.error_message}\n`);
  });

  it('show amounts in sats to the last msat, and times in UTC', async () => {
    const path = publishedFile(temporaryFolder());
    const db = new Database(path);
    db.exec(
      'update jobs set price_msats = 9007199254740991, created_at = 4102444800 where id = (select max(id) from jobs)',
    );
    db.close();
    const { stdout } = await pylonDb(['jobs', '--limit', '1', '--db', path]);
    expect(stdout).toContain('9,007,199,254,740.991 sats');
    expect(stdout).toContain('2100-01-01 00:00:00');
  });

  it('say that they are cut, and go on from there without a gap', async () => {
    const path = publishedFile(temporaryFolder());
    const ids: string[] = [];
    let more: string[] = [];
    for (let page = 0; page < 3; page++) {
      const args = ['jobs', '--status', 'completed', '--limit', '50', '--db', path, ...more];
      const { stdout, stderr } = await pylonDb(args);
      ids.push(...Array.from(stdout.matchAll(/^[0-9a-f]{64}/gm), ([id]) => id));
      const cursor = /^There are more jobs than these 50\. Next page: add --before (\S+)\n$/.exec(
        stderr,
      );
      if (page === 2) expect(stderr).toBe('');
      more = ['--before', cursor?.[1] ?? ''];
    }
    const db = new Database(path);
    const all = db
      .prepare("select id from jobs where status = 'completed' order by created_at desc, id desc")
      .pluck()
      .all();
    db.close();
    expect(ids).toEqual(all);
  });

  it('page through earnings and ticks by their cursors too', async () => {
    const path = publishedFile(temporaryFolder());
    for (const list of [['earnings'], ['ticks', BUSY_AGENT]]) {
      const first = await pylonDb([...list, '--limit', '3', '--json', '--db', path]);
      const cursor = /--before (\S+)\n$/.exec(first.stderr)?.[1] ?? '';
      const second = await json([...list, '--limit', '3', '--before', cursor, '--db', path]);
      const both = await json([...list, '--limit', '6', '--db', path]);
      expect([...JSON.parse(first.stdout), ...(second as unknown[])]).toEqual(both);
    }
  });

  it('page through earnings that a wrong clock dated as well', async () => {
    const path = publishedFile(temporaryFolder());
    const db = new Database(path);
    db.exec('delete from earnings');
    const times = [9_007_199_254_740_991, 1_782_907_200_000, 1_782_907_200, -5, -9_007_199_254_740];
    const insert = db.prepare(
      "insert into earnings (id, amount_msats, source, earned_at) values (?, 1, 'tip', ?)",
    );
    for (const time of times) insert.run(`e${time}`, time);
    db.close();
    const seen: unknown[] = [];
    for (let more: readonly string[] | undefined = []; more !== undefined; ) {
      const page = await pylonDb(['earnings', '--limit', '1', '--json', '--db', path, ...more]);
      for (const { earned_at } of JSON.parse(page.stdout)) seen.push(earned_at);
      const [, cursor] = /--before (\S+)\n$/.exec(page.stderr) ?? [];
      more = cursor === undefined ? undefined : ['--before', cursor];
    }
    expect(seen).toEqual(times);
  });

  it('say nothing but the data with --quiet', async () => {
    const path = publishedFile(temporaryFolder());
    const { stdout, stderr } = await pylonDb(['jobs', '--limit', '1', '--quiet', '--db', path]);
    expect([stdout.split('\n').length, stderr]).toEqual([3, '']);
  });

  it('print no row, and a note, when nothing fits', async () => {
    const path = publishedFile(temporaryFolder());
    const none = await pylonDb(['jobs', '--customer', 'nobody', '--db', path]);
    expect(none).toEqual({ exitCode: 0, stdout: '', stderr: 'No jobs.\n' });
    expect(await json(['jobs', '--customer', 'nobody', '--db', path])).toEqual([]);
  });

  it('give agents by state and the ticks of one', async () => {
    const path = publishedFile(temporaryFolder());
    const active = await json(['agents', '--state', 'active', '--db', path]);
    expect(active).toEqual(answers.list_agents_by_state['active']);
    const ticks = await json(['ticks', BUSY_AGENT, '--limit', '10', '--db', path]);
    expect(ticks).toEqual(answers.get_tick_history_10[BUSY_AGENT]);
  });

  it('take the earnings of whole days', async () => {
    const path = publishedFile(temporaryFolder());
    const day = ['--since', '2025-12-10', '--until', '2025-12-10'];
    const found = await json(['earnings', ...day, '--limit', '1000', '--db', path]);
    const db = new Database(path);
    const ids = db
      .prepare("select id from earnings where date(earned_at, 'unixepoch') = '2025-12-10'")
      .pluck()
      .all();
    db.close();
    expect(ids.length).toBeGreaterThan(0);
    expect((found as { id: string }[]).map((row) => row.id).sort()).toEqual(ids.sort());
  });
});
