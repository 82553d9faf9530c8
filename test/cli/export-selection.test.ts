import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { contents, json, publishedFile, pylonDb } from './command.js';
import { csvRecords } from './csv-records.js';
import { asCsv, exported, hostileFile, storedTable, TABLES } from './exported.js';

describe('--sql', () => {
  it('gives what it asks for, in each format', async () => {
    const path = publishedFile(temporaryFolder());
    const sql = ['--sql', "VALUES (9007199254740993, 0.1, x'00ff', NULL, 'a,b')"];
    expect(await exported(path, ...sql)).toBe(
      'column1,column2,column3,column4,column5\r\n9007199254740993,0.1,00ff,,"a,b"\r\n',
    );
    expect(JSON.parse(await exported(path, ...sql, '--json'))).toEqual([
      { column1: '9007199254740993', column2: 0.1, column3: '00ff', column4: null, column5: 'a,b' },
    ]);
    const twice = await exported(path, '--sql', 'SELECT 1 AS a, 2 AS a', '--format', 'ndjson');
    expect(twice).toBe('{"a":1,"a:1":2}\n');
  });

  it.each([
    ['a write', 'DELETE FROM jobs'],
    ['a write that returns rows', 'DELETE FROM jobs RETURNING id'],
    ['a write in a CTE', 'WITH x AS (SELECT 1) DELETE FROM jobs'],
    ['several statements', 'SELECT 1; SELECT 2'],
    ['ATTACH', "ATTACH 'x.db' AS x"],
    ['a PRAGMA', 'PRAGMA journal_mode = delete'],
    ['VACUUM INTO', "VACUUM INTO 'x.db'"],
    ['nothing', ' -- '],
    ['no SQL', 'SELEC 1'],
    ['a parameter', 'SELECT ?'],
  ])('refuses %s and creates nothing', async (_, sql) => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const before = contents(folder);
    const out = join(folder, 'out.csv');
    const outcome = await pylonDb(['export', '--sql', sql, '--out', out, '--db', path]);
    expect(outcome).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringMatching(/^pylon-db: [^\n]+\n$/),
    });
    expect(contents(folder)).toEqual(before);
  });
});

describe('--since', () => {
  it.each([
    ['jobs', 'created_at'],
    ['earnings', 'earned_at'],
    ['agents', 'updated_at'],
    ['tick_history', 'created_at'],
    ['migrations', 'applied_at'],
  ])('takes rows of %s from that %s on', async (table, column) => {
    const path = hostileFile();
    writeByAnother(path, `update ${table} set ${column} = 1700000000 + rowid`);
    // Rows that are late but stored early.
    writeByAnother(path, `update ${table} set ${column} = 1900000000 where rowid % 7 = 2`);
    const { columns, rows } = storedTable(path, table);
    const time = columns.indexOf(column);
    const since = 1_700_000_000 + Math.floor(rows.length / 2);
    const expected = rows.filter((row) => Number(row[time]) >= since);
    const text = await exported(path, table, '--include-secrets', '--since', String(since));
    const [, ...records] = csvRecords(text);
    expect(records.map(([key]) => key)).toEqual(expected.map(([key = null]) => asCsv(key)));
    const later = await exported(path, table, '--since', '2100-01-01', '--format', 'json');
    expect(JSON.parse(later)).toEqual([]);
  });
});

describe('--all', () => {
  it('writes a folder with a file for each table, and none when it is there', async () => {
    const path = hostileFile();
    const out = join(temporaryFolder(), 'all');
    const result = await json(['export', '--all', '--format', 'json', '--out', out, '--db', path]);
    expect(readdirSync(out).sort()).toEqual(TABLES.map((table) => `${table}.json`).sort());
    for (const table of TABLES) {
      const file = join(out, `${table}.json`);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const { rows } = storedTable(path, table);
      expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveLength(rows.length);
      expect(result).toMatchObject({
        format: 'json',
        files: expect.arrayContaining([
          { path: file, table, rows: rows.length, bytes: statSync(file).size },
        ]),
      });
    }
    const before = contents(out);
    const again = await pylonDb(['export', '--all', '--out', out, '--db', path]);
    expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining("isn't empty")]);
    expect(contents(out)).toEqual(before);
  });

  it('is one JSON object, or lines that name their table, on stdout', async () => {
    const path = publishedFile(temporaryFolder());
    const all = JSON.parse(await exported(path, '--all', '--json'));
    expect(Object.keys(all)).toEqual(TABLES);
    for (const table of TABLES) {
      expect(all[table]).toEqual(JSON.parse(await exported(path, table, '--json')));
    }
    const lines = (await exported(path, '--all', '--format', 'ndjson')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      TABLES.flatMap((table) => all[table].map((row: object) => ({ table, row }))),
    );
  });
});
