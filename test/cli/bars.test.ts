import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { cells } from '../../src/cli/shell/terminal-text.js';
import { temporaryFolder } from '../temporary.js';
import { json, publishedFile, pylonDb } from './command.js';

/** The fixture with these earnings only: unix time and msats. */
function fileWith(earnings: readonly (readonly [time: string, msats: number])[]): string {
  const path = publishedFile(temporaryFolder());
  const db = new Database(path);
  db.exec('delete from earnings');
  const insert = db.prepare(
    "insert into earnings (id, amount_msats, source, earned_at) values (?, ?, 'tip', unixepoch(?))",
  );
  earnings.forEach(([time, msats], i) => {
    insert.run(`e${i}`, msats, time);
  });
  db.close();
  return path;
}

describe('earnings --by', () => {
  it('draws bars in proportion, none wider than 80 columns', async () => {
    const path = fileWith([
      ['2026-03-01 08:00', 4_000_000],
      ['2026-03-01 23:59:59', 4_000_000],
      ['2026-03-02 00:00', 4_000_000],
      ['2026-03-04 12:00', 1],
    ]);
    const { stdout } = await pylonDb(['earnings', '--by', 'day', '--db', path]);
    const full = '█'.repeat(80 - '2026-03-01  '.length - '8,000 sats  '.length);
    expect(stdout).toBe(
      [
        'by day, UTC',
        `2026-03-01  8,000 sats  ${full}`,
        `2026-03-02  4,000 sats  ${full.slice(0, full.length / 2)}`,
        '2026-03-03      0 sats',
        '2026-03-04  0.001 sats  ▏',
        'total 12,000.001 sats in 4 earnings',
        '',
      ].join('\n'),
    );
    expect(Math.max(...stdout.split('\n').map((line) => cells(line)))).toBe(80);
  });

  it('stays within 80 columns with the longest labels and amounts', async () => {
    const path = fileWith([
      ['2026-03-01 08:00', 9_000_000_000_000_001],
      ['2026-03-01 10:00', 5],
    ]);
    const zone = 'America/Argentina/ComodRivadavia';
    const args = ['earnings', '--by', 'hour', '--time-zone', zone];
    const { stdout } = await pylonDb([...args, '--db', path]);
    expect(stdout).toMatch(/^2026-03-01 05:00-03:00 {2}9,000,000,000,000\.001 sats {2}█+$/m);
    for (const line of stdout.split('\n')) expect(cells(line)).toBeLessThanOrEqual(80);
  });

  it('reports a long pause in one line, and all of it in JSON', async () => {
    const path = fileWith([
      ['2026-01-01', 1000],
      ['2026-01-12', 1000],
      ['2026-01-18', 1000],
    ]);
    const { stdout } = await pylonDb(['earnings', '--by', 'day', '--db', path]);
    expect(stdout.match(/^\S+/gm)).toEqual([
      'by',
      '2026-01-01',
      '⋮',
      '2026-01-12',
      '2026-01-13',
      '2026-01-14',
      '2026-01-15',
      '2026-01-16',
      '2026-01-17',
      '2026-01-18',
      'total',
    ]);
    expect(stdout).toContain('10 days empty');
    expect(await json(['earnings', '--by', 'day', '--db', path])).toHaveLength(18);
  });

  it('cuts days and dates where the time zone does', async () => {
    const path = fileWith([
      ['2026-03-01 14:59:59', 1000],
      ['2026-03-01 15:00', 2000],
      ['2026-03-02 14:59:59', 4000],
      ['2026-03-02 15:00', 8000],
    ]);
    const day = ['--since', '2026-03-02', '--until', '2026-03-02'];
    const tokyo = ['earnings', '--by', 'day', '--time-zone', 'Asia/Tokyo', ...day];
    expect(await json([...tokyo, '--db', path])).toEqual([
      {
        bucket_start: Date.UTC(2026, 2, 1, 15) / 1000,
        amount_msats: 6000,
        count: 2,
        by_source: { job: 0, tip: 6000, other: 0 },
      },
    ]);
  });

  it('tells the two hours apart when clocks are put back', async () => {
    const path = fileWith([
      ['2026-10-25 00:30', 1000],
      ['2026-10-25 01:30', 1000],
    ]);
    const args = ['earnings', '--by', 'hour', '--time-zone', 'Europe/Berlin', '--db', path];
    const { stdout } = await pylonDb(args);
    expect(stdout).toMatch(/^2026-10-25 02:00\+02:00 .*\n2026-10-25 02:00\+01:00 /m);
  });

  it('prints nothing but a note without earnings', async () => {
    const path = fileWith([]);
    const outcome = await pylonDb(['earnings', '--by', 'day', '--db', path]);
    expect(outcome).toEqual({ exitCode: 0, stdout: '', stderr: 'No earnings.\n' });
  });

  it('shows the newest buckets of a range that is too long, and says how to see older ones', async () => {
    const path = fileWith([
      ['1970-01-02', 1000],
      ['2025-12-31 23:00', 2000],
      ['2026-01-01', 3000],
    ]);
    const args = ['earnings', '--by', 'hour', '--db', path];
    const { exitCode, stdout, stderr } = await pylonDb(args);
    expect([exitCode, stderr]).toEqual([
      0,
      'Only the newest 10,000 hours fit, from 2024-11-10 09:00:00 UTC on. For older ones add --until 1731229199, or a wider --by.\n',
    ]);
    expect(stdout).toContain('⋮                 9998 hours empty\n2025-12-31 23:00  2 sats');
    expect(stdout).toContain('total 5 sats in 2 earnings');
    const buckets = (await json(args)) as readonly object[];
    expect(buckets).toHaveLength(10_000);
    expect(buckets.at(-1)).toMatchObject({ bucket_start: 1_767_225_600, amount_msats: 3000 });
    const older = await pylonDb([...args, '--until', '1731229199', '--since', '1970-01-01']);
    expect([older.exitCode, older.stderr]).toEqual([0, expect.stringContaining('2023-09-20')]);
  });

  it('shows what a right clock dated where a wrong one would make too many buckets', async () => {
    const path = fileWith([
      ['2026-01-01', 2000],
      ['2026-01-02', 3000],
    ]);
    const db = new Database(path);
    db.exec(`insert into earnings (id, amount_msats, source, earned_at) values
      ('millis', 7, 'tip', 1767225600000), ('beyond', 8, 'tip', 9007199254740991)`);
    db.close();
    const args = ['earnings', '--by', 'day', '--db', path];
    const { exitCode, stdout, stderr } = await pylonDb(args);
    expect([exitCode, stderr]).toEqual([
      0,
      'Left out what is dated later than now, such as beyond (9007199254740991); `pylon-db check` lists it.\n',
    ]);
    expect(stdout).toContain('\n2026-01-01  2 sats');
    expect(stdout).toContain('total 5 sats in 2 earnings');
    const quiet = await pylonDb([...args, '--quiet']);
    expect(quiet).toEqual({ exitCode: 0, stdout, stderr: '' });
  });

  it('does without what was dated before 1970 where that makes too many buckets', async () => {
    const path = fileWith([['2026-01-01', 2000]]);
    const db = new Database(path);
    db.exec(`insert into earnings (id, amount_msats, source, earned_at)
      values ('early', 7, 'tip', -9007199254740991)`);
    db.close();
    const { exitCode, stdout } = await pylonDb(['earnings', '--by', 'month', '--db', path]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('total 2 sats in 1 earning');
  });
});
