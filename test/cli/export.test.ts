import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { CLI, contents, json, publishedFile, pylonDb } from './command.js';
import { csvRecords } from './csv-records.js';
import { asCsv, asJson, exported, hostileFile, PREIMAGE, storedTable, TABLES } from './exported.js';

const hasSqlite3 = spawnSync('sqlite3', ['--version']).status === 0;

describe('every table comes out as it is stored', () => {
  it.each(TABLES)('%s as CSV', async (table) => {
    const path = hostileFile();
    const { columns, rows } = storedTable(path, table);
    const text = await exported(path, table, '--include-secrets');
    const [header, ...records] = csvRecords(text);
    expect(header).toEqual(columns);
    // A number is compared as one: 1e+300 and 1.0e+300 are the same.
    const isReal = (i: number, k: number) => typeof rows[i]?.[k] === 'number';
    const comparable = (value: string) => (value === 'Inf' ? 'Infinity' : String(Number(value)));
    expect(
      records.map((record, i) =>
        record.map((value, k) => (isReal(i, k) ? comparable(value) : value)),
      ),
    ).toEqual(rows.map((row) => row.map(asCsv)));
  });

  it.each(TABLES)('%s as JSON', async (table) => {
    const path = hostileFile();
    const { columns, rows } = storedTable(path, table);
    const objects = rows.map((row) =>
      Object.fromEntries(row.map((value, i) => [columns[i], asJson(value)])),
    );
    const array = await exported(path, table, '--include-secrets', '--format', 'json');
    expect(JSON.parse(array)).toEqual(objects);
    const lines = await exported(path, table, '--include-secrets', '--format', 'ndjson');
    expect(lines.endsWith('\n')).toBe(true);
    expect(
      lines
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(objects);
  });

  it('with columns that others added, and without rows', async () => {
    const path = publishedFile(temporaryFolder());
    writeByAnother(path, 'alter table agents add column "odd ""name""" text');
    writeByAnother(path, 'delete from tick_history; delete from agents');
    expect(await exported(path, 'agents')).toMatch(/^npub,.*,updated_at,"odd ""name"""\r\n$/);
    expect(await exported(path, 'agents', '--format', 'json')).toBe('[]\n');
    expect(await exported(path, 'agents', '--format', 'ndjson')).toBe('');
  });

  it('from a file in UTF-16', async () => {
    const path = join(temporaryFolder(), 'wide.db');
    const wide = new Database(path);
    wide.pragma("encoding = 'UTF-16le'");
    const published = new Database(publishedFile(temporaryFolder()), { readonly: true });
    const schema = published
      .prepare<[], string>(
        "select sql from sqlite_master where type = 'table' and name not like 'sqlite%'",
      )
      .pluck();
    wide.exec(schema.all().join(';'));
    wide.exec(`insert into migrations (name) values ('001_initial_schema');
      insert into agents (npub, name, lifecycle_state) values ('n', 'plain', 'active')`);
    published.close();
    wide.close();
    expect(await exported(path, 'agents')).toMatch(/\r\nn,plain,active,0,0,,,,/);
  });
});

describe.skipIf(!hasSqlite3)('the sqlite3 shell', () => {
  it.each(TABLES)('imports %s, and exported again it is byte-identical', async (table) => {
    const path = hostileFile();
    const folder = temporaryFolder();
    const csv = join(folder, 'first.csv');
    await exported(path, table, '--include-secrets', '--out', csv);
    const copy = join(folder, 'copy.db');
    copyFileSync(path, copy);
    execFileSync('sqlite3', [
      copy,
      `delete from ${table}`,
      '.mode csv',
      `.import --skip 1 ${csv} ${table}`,
    ]);
    await exported(copy, table, '--include-secrets', '--out', join(folder, 'second.csv'));
    expect(readFileSync(join(folder, 'second.csv'))).toEqual(readFileSync(csv));
  });

  it('writes the same bytes, but for empty texts', async () => {
    const path = hostileFile({ blobs: false });
    writeByAnother(
      path,
      "delete from jobs where started_at > 1e18 or started_at < 1; update jobs set started_at = 1, error_message = 'a' where error_message = ''",
    );
    writeByAnother(path, "delete from jobs where id = 'small' or length(id) > 100");
    const ours = await exported(path, 'jobs');
    const args = [path, '.headers on', '.mode csv', 'select * from jobs order by rowid'];
    const theirs = execFileSync('sqlite3', args, { encoding: 'utf8' });
    expect(ours).toBe(theirs.replaceAll('""\r\n', '\r\n').replaceAll(/(?<=,)""(?=,)/g, ''));
  });
});

describe('preimages', () => {
  it('are in no export that does not ask for them', async () => {
    const path = hostileFile();
    for (const format of ['csv', 'json', 'ndjson']) {
      const text = await exported(path, 'earnings', '--format', format);
      expect(text).not.toMatch(/preimage|secret/);
      expect(await exported(path, 'earnings', '--format', format, '--include-secrets')).toContain(
        PREIMAGE,
      );
    }
    expect(await exported(path, '--all', '--format', 'json')).not.toMatch(/preimage|secret/);
  });

  it('are left out with a note, unless --quiet', async () => {
    const path = publishedFile(temporaryFolder());
    const loud = await pylonDb(['export', 'earnings', '--db', path]);
    expect(loud.stderr).toBe('Preimages are left out; --include-secrets adds them.\n');
    expect((await pylonDb(['export', 'earnings', '--quiet', '--db', path])).stderr).toBe('');
  });

  it('are what a query gives that asks for them', async () => {
    const sql = 'SELECT substr(preimage, 1, 4) AS p FROM earnings LIMIT 1';
    expect(await exported(hostileFile(), '--sql', sql)).toBe('p\r\ndead\r\n');
  });
});

describe('a file', () => {
  it('is for its owner only, and its path is the result', async () => {
    const path = publishedFile(temporaryFolder());
    const out = join(temporaryFolder(), 'jobs.csv');
    const outcome = await pylonDb(['export', 'jobs', '--out', out, '--db', path]);
    expect(outcome).toEqual({
      exitCode: 0,
      stdout: `${out}\n`,
      stderr: expect.stringMatching(/^200 rows, [\d.]+ KiB\.\n$/),
    });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(readFileSync(out, 'utf8')).toBe(await exported(path, 'jobs'));
  });

  it('gets the format that its name implies', async () => {
    const path = publishedFile(temporaryFolder());
    for (const format of ['csv', 'json', 'ndjson']) {
      const out = join(temporaryFolder(), `agents.${format}`);
      // --json is about the result here, which is the path.
      await json(['export', 'agents', '--out', out, '--db', path]);
      expect(readFileSync(out, 'utf8')).toBe(await exported(path, 'agents', '--format', format));
    }
  });

  it('is replaced only with --force', async () => {
    const path = publishedFile(temporaryFolder());
    const folder = temporaryFolder();
    const out = join(folder, 'agents.csv');
    await exported(path, 'agents', '--format', 'json', '--out', out);
    const before = contents(folder);
    const refused = await pylonDb(['export', 'agents', '--out', out, '--db', path]);
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('--force')]);
    expect(contents(folder)).toEqual(before);
    await exported(path, 'agents', '--out', out, '--force');
    expect(readFileSync(out, 'utf8')).toMatch(/^npub,/);
    expect(readdirSync(folder)).toEqual(['agents.csv']);
  });
});

describe('a bad command line exits 2 in one line and creates nothing', () => {
  it.each([
    ['neither table nor --all nor --sql', [], 'give a table, or --all, or --sql'],
    ['a table and --all', ['jobs', '--all'], 'give a table, or --all, or --sql'],
    ['an unknown table', ['invoices'], 'Give one of migrations, jobs, earnings'],
    ['our own totals', ['pylon_db_job_totals'], 'Give one of'],
    ['an unknown format', ['jobs', '--format', 'xml'], 'Allowed choices are csv, json, ndjson'],
    ['a name that implies no format', ['jobs', '--out', 'jobs.txt'], 'Add --format'],
    ['--json and another format', ['jobs', '--json', '--format', 'csv'], 'contradict'],
    ['all tables in one CSV', ['--all'], 'CSV holds one table'],
    ['a date that is none', ['jobs', '--since', 'yesterday'], 'Give unix seconds'],
    ['--since with --sql', ['--sql', 'SELECT 1', '--since', '2026-01-01'], 'into the query'],
    ['--all into one file', ['--all', '--out', 'all.json'], 'Give a folder'],
    ['--force without --out', ['jobs', '--force'], '--force goes with --out'],
    ['--force with --all', ['--all', '--out', 'x', '--force'], 'new or empty'],
    ['an empty --out', ['jobs', '--out', ''], '--out needs a path'],
    ['- as a path', ['jobs', '--out', '-'], '--out needs a path'],
  ])('%s', async (_, args, fix) => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const before = contents(folder);
    const { exitCode, stdout, stderr } = await pylonDb(['export', ...args, '--db', path]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    const reported: string = args.includes('--json') ? JSON.parse(stderr).error.message : stderr;
    expect(reported).toContain(fix);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect(contents(folder)).toEqual(before);
  });
});

describe('the database', () => {
  it('is left as it was: nothing is migrated', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const before = contents(folder);
    await exported(path, 'jobs');
    await exported(path, '--sql', 'SELECT count(*) FROM jobs');
    await exported(path, '--all', '--out', join(temporaryFolder(), 'all'));
    expect(contents(folder)).toEqual(before);
  });

  it("that is missing, or another program's, says so as JSON under --json", async () => {
    const missing = join(temporaryFolder(), 'no.db');
    const outcome = await pylonDb(['export', 'jobs', '--json', '--db', missing]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([1, '']);
    expect(JSON.parse(outcome.stderr).error.code).toBe('CANNOT_OPEN');
    expect(existsSync(missing)).toBe(false);
    const other = join(temporaryFolder(), 'other.db');
    const db = new Database(other);
    db.exec('create table jobs (id)');
    db.close();
    const refused = await pylonDb(['export', 'jobs', '--json', '--db', other]);
    expect([refused.exitCode, JSON.parse(refused.stderr).error.code]).toEqual([
      1,
      'SCHEMA_MISMATCH',
    ]);
  });
});

describe('a reader', () => {
  it('may go away early: the export ends quietly', async () => {
    const path = publishedFile(temporaryFolder());
    const endless =
      'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n';
    const command = `node '${CLI}' export --sql '${endless}' --db '${path}'`;
    const args = ['-c', `${command} | head -n 2; echo "\${PIPESTATUS[@]}"`];
    const { stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8' });
    expect({ stdout, stderr }).toEqual({ stdout: 'x\r\n1\r\n0 0\n', stderr: '' });
  });
});
