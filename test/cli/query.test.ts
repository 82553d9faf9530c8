import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { stored, testFile, writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { CLI, contents, json, publishedFile, pylonDb } from './command.js';

const ONE_LINE = /^pylon-db: [^\n]+\n$/;

describe('query prints', () => {
  it('a table, with NULL, reals and BLOBs told apart from text', async () => {
    const path = publishedFile(temporaryFolder());
    const sql = "VALUES (1, 1.0, NULL, x'00ff', ''), (-20, 0.1, 'NULL', 'é', 'a b')";
    expect(await pylonDb(['query', sql, '--db', path])).toEqual({
      exitCode: 0,
      stdout: [
        'column1  column2  column3  column4  column5',
        "      1      1.0  NULL     x'00ff'",
        '    -20      0.1  NULL     é        a b',
        '',
      ].join('\n'),
      stderr: '',
    });
  });

  it('CSV with a header, quoted by RFC 4180', async () => {
    const path = publishedFile(temporaryFolder());
    const sql = `SELECT 'a,"b"' AS "x,y", NULL AS n, 'two
lines' AS t, 9007199254740993 AS i`;
    const { stdout } = await pylonDb(['query', sql, '--format', 'csv', '--db', path]);
    expect(stdout.replaceAll('\r\n', '\n')).toBe(
      '"x,y",n,t,i\n"a,""b""",,"two\nlines",9007199254740993\n',
    );
  });

  it('JSON in which nothing is rounded or lost', async () => {
    const path = publishedFile(temporaryFolder());
    const sql = `SELECT 9007199254740991 AS safe, 9007199254740992 AS big, -9223372036854775808 AS least,
      0.1 AS real, 9e999 AS endless, x'c0ff' AS blob, 'x' || char(0) || 'y' AS text, NULL AS none`;
    expect(await json(['query', sql, '--db', path])).toEqual([
      {
        safe: 9007199254740991,
        big: '9007199254740992',
        least: '-9223372036854775808',
        real: 0.1,
        endless: 'Infinity',
        blob: 'c0ff',
        text: 'x\0y',
        none: null,
      },
    ]);
  });

  it.each([
    ['12345678901234567000.0', '12345678901234567000.0', '12345678901234567000'],
    ['1e20', '100000000000000000000.0', '100000000000000000000'],
    ['-9007199254740994.0', '-9007199254740994.0', '-9007199254740994'],
    ['1e21', '1e+21', '1e+21'],
    ['0.1 + 0.2', '0.30000000000000004', '0.30000000000000004'],
    ['5e-324', '5e-324', '5e-324'],
  ])('of the real %s the digits that are stored, in every format', async (real, text, inJson) => {
    const path = publishedFile(temporaryFolder());
    const print = async (...format: string[]) =>
      (await pylonDb(['query', `SELECT ${real} AS r`, ...format, '--db', path])).stdout;
    expect((await print()).split(/\s+/)).toContain(text);
    expect(await print('--format', 'csv')).toBe(`r\r\n${text}\r\n`);
    expect(await print('--format', 'ndjson')).toBe(`{"r":${inJson}}\n`);
    expect(await print('--json')).toContain(`"r":${inJson}}`);
  });

  it('columns of the same name under names of their own in JSON', async () => {
    const path = publishedFile(temporaryFolder());
    const sql = 'SELECT 1 AS id, 2 AS id, 3 AS "id:1", 4 AS id, 5 AS __proto__';
    const { stdout } = await pylonDb(['query', sql, '--format', 'ndjson', '--db', path]);
    expect(stdout).toBe('{"id":1,"id:2":2,"id:1":3,"id:3":4,"__proto__":5}\n');
  });

  it('both columns of the same name in CSV', async () => {
    const path = publishedFile(temporaryFolder());
    const outcome = await pylonDb([
      'query',
      'SELECT 1 AS id, 2 AS id',
      '--format',
      'csv',
      '--db',
      path,
    ]);
    expect(outcome.stdout.split(/\r?\n/)).toEqual(['id,id', '1,2', '']);
  });

  it.each([
    ['table', ''],
    ['csv', 'a\n'],
    ['json', '[]\n'],
    ['ndjson', ''],
  ])('no rows as %s', async (format, expected) => {
    const path = publishedFile(temporaryFolder());
    const outcome = await pylonDb([
      'query',
      'SELECT 1 AS a WHERE 0',
      '--format',
      format,
      '--db',
      path,
    ]);
    expect(outcome.exitCode).toBe(0);
    expect(outcome.stdout.replaceAll('\r\n', '\n')).toBe(expected);
    expect(outcome.stderr).toBe(format === 'table' ? 'No rows.\n' : '');
  });

  it('every row of many batches once, in order', async () => {
    const path = publishedFile(temporaryFolder());
    const sql = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 30000)
      SELECT n, hex(zeroblob(50)) AS pad FROM c`;
    const args = ['query', sql, '--limit', '30000', '--format', 'ndjson', '--db', path];
    const { stdout, stderr } = await pylonDb(args);
    const numbers = stdout
      .trimEnd()
      .split('\n')
      .map((line): number => JSON.parse(line).n);
    expect(numbers).toEqual(Array.from({ length: 30_000 }, (_, i) => i + 1));
    expect(stderr).toBe('');
  });

  it('nothing that a terminal would obey, as table and as JSON', async () => {
    const path = publishedFile(temporaryFolder());
    const sql = `SELECT char(27) || '[2J' AS "a\u001b[31m"`;
    const table = await pylonDb(['query', sql, '--db', path]);
    const asJson = await pylonDb(['query', sql, '--json', '--db', path]);
    expect(table.stdout).toBe('a\\x1b[31m\n\\x1b[2J\n');
    expect(asJson.stdout).not.toContain('\u001b');
    expect(JSON.parse(asJson.stdout)).toEqual([{ 'a\u001b[31m': '\u001b[2J' }]);
  });

  it.skipIf(!hasScript())('CSV without escapes on a terminal (needs script(1))', async () => {
    const path = publishedFile(temporaryFolder());
    const line = `node ${CLI} query "SELECT char(27) || '[2J' AS a" --format csv --db ${path}`;
    const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], { encoding: 'utf8' });
    expect(stdout.split(/[\r\n]+/)).toEqual(['a', expect.stringContaining('\\x1b[2J'), '']);
    expect(stdout).not.toContain('\u001b[2J');
  });

  it('the plan with --explain, each step under its parent', async () => {
    const path = publishedFile(temporaryFolder());
    const sql = 'SELECT * FROM jobs WHERE status = :s UNION SELECT * FROM jobs WHERE id = :s';
    const { stdout } = await pylonDb(['query', sql, '-p', 's=x', '--explain', '--db', path]);
    expect(stdout).toMatch(/^MERGE \(UNION\)\n {2}LEFT\n {4}SEARCH jobs USING INDEX/);
    const rows = await json(['query', 'SELECT 1', '--explain', '--db', path]);
    expect(rows).toEqual([expect.objectContaining({ detail: 'SCAN CONSTANT ROW' })]);
  });
});

function hasScript(): boolean {
  return spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;
}

describe('query reads', () => {
  it('SQL from stdin with -', async () => {
    const path = publishedFile(temporaryFolder());
    const stdout = execFileSync('node', [CLI, 'query', '-', '--json', '--db', path], {
      input: '-- how many?\nSELECT count(*) AS n FROM jobs;\n',
      encoding: 'utf8',
    });
    expect(JSON.parse(stdout)).toEqual(stored(path, 'select count(*) as n from jobs'));
  });

  it('what another process has committed, and nothing of its open transaction', async () => {
    const { path, db } = await testFile();
    await db.jobs.create({ id: 'committed', kind: 1, customer_pubkey: 'c' });
    await db.transaction(async (tx) => {
      await tx.jobs.create({ id: 'open', kind: 1, customer_pubkey: 'c' });
      const rows = await json(['query', 'SELECT id FROM jobs', '--db', path]);
      expect(rows).toEqual([{ id: 'committed' }]);
    });
  });

  it('a file whose migrations are pending, and leaves them pending', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const before = contents(folder);
    const rows = await json(['query', 'SELECT name FROM migrations', '--db', path]);
    expect(rows).toEqual([{ name: '001_initial_schema' }]);
    expect(contents(folder)).toEqual(before);
  });

  it('no missing file, and creates none', async () => {
    const folder = temporaryFolder();
    const outcome = await pylonDb(['query', 'SELECT 1', '--db', join(folder, 'none.db')]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toMatch(/there is no file .*none\.db/);
    expect(contents(folder)).toEqual({});
  });
});

describe('parameters', () => {
  it.each([
    ['5', 'integer', '5'],
    ['9223372036854775807', 'integer', '9223372036854775807'],
    ['9223372036854775808', 'text', "'9223372036854775808'"],
    ['0.5', 'real', '0.5'],
    ['1.50', 'text', "'1.50'"],
    ['007', 'text', "'007'"],
    ['1e5', 'text', "'1e5'"],
    ['null', 'null', 'NULL'],
    ["'null'", 'text', "'null'"],
    ["'it''s'", 'text', "'it''s'"],
    ['', 'text', "''"],
  ])('%s is bound as %s', async (value, type, literal) => {
    const path = publishedFile(temporaryFolder());
    const sql = 'SELECT typeof(:v) AS type, quote(@v) AS literal';
    const rows = await json(['query', sql, '-p', `v=${value}`, '--db', path]);
    expect(rows).toEqual([{ type, literal }]);
  });

  it('are not SQL', async () => {
    const path = publishedFile(temporaryFolder());
    const sql = 'SELECT count(*) AS n FROM jobs WHERE id = $id';
    const rows = await json(['query', sql, '-p', "id=x' OR 1=1 --", '--db', path]);
    expect(rows).toEqual([{ n: 0 }]);
  });

  it.each([
    ['that is missing', 'SELECT :a + :b', ['-p', 'a=1'], 'the parameter b has no value'],
    ['that is unknown', 'SELECT :a', ['-p', 'a=1', '-p', 'c=2'], 'no parameter c. It has :a.'],
    ['of a query without any', 'SELECT 1', ['-p', 'a=1'], 'the query has no parameter a'],
    ['that has no name', 'SELECT ?', ['-p', 'a=1'], 'a parameter of the query has no name'],
    ['given twice', 'SELECT :a', ['-p', 'a=1', '-p', 'a=2'], 'a is given twice'],
    ['without a value', 'SELECT :a', ['-p', 'a'], 'Give name=value'],
  ])('one %s is reported by its name', async (_, sql, parameters, problem) => {
    const path = publishedFile(temporaryFolder());
    const outcome = await pylonDb(['query', sql, ...parameters, '--db', path]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([2, '']);
    expect(outcome.stderr).toMatch(ONE_LINE);
    expect(outcome.stderr).toContain(problem);
  });
});

describe('a bad command line exits 2', () => {
  it.each([
    ['no SQL', [], "missing required argument 'sql'"],
    ['an unknown format', ['SELECT 1', '--format', 'xml'], 'table, csv, json, ndjson'],
    ['two formats', ['SELECT 1', '--json', '--format', 'csv'], 'contradict'],
    ['a limit of 0', ['SELECT 1', '--limit', '0'], 'a whole number from 1'],
    ['a table without end', ['SELECT 1', '--limit', '10001'], 'Add --format csv'],
    ['no time at all', ['SELECT 1', '--timeout', '0'], 'Give seconds'],
    ['a time that is none', ['SELECT 1', '--timeout', '5s'], 'Give seconds'],
    ['bad SQL', ['SELECT FROM'], 'syntax error'],
    ['an unknown table', ['SELECT * FROM jbos'], 'no such table: jbos'],
    ['two queries', ['SELECT 1', 'SELECT 2'], 'too many arguments'],
  ])('%s', async (_, args, fix) => {
    const path = publishedFile(temporaryFolder());
    const outcome = await pylonDb(['query', ...args, '--db', path]);
    expect([outcome.exitCode, outcome.stdout]).toEqual([2, '']);
    expect(outcome.stderr).toContain(fix);
  });
});

describe('a file that is not a database', () => {
  it('is reported and left alone', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'notes.txt');
    writeFileSync(path, 'Not a database, but a text that is longer than a header.\n'.repeat(20));
    mkdirSync(join(folder, 'folder'));
    const before = contents(folder);
    const text = await pylonDb(['query', 'SELECT 1', '--db', path]);
    const directory = await pylonDb(['query', 'SELECT 1', '--db', join(folder, 'folder')]);
    expect([text.exitCode, directory.exitCode]).toEqual([1, 1]);
    expect(text.stderr).toContain('is not an SQLite database');
    expect(directory.stderr).toContain('is a folder');
    expect(contents(folder)).toEqual(before);
  });

  it('a damaged one exits 4', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'damaged.db');
    new Database(path).exec('create table t (x); insert into t values (1)').close();
    const bytes = readFileSync(path);
    // The second page is the table's.
    writeFileSync(path, bytes.fill(0xee, bytes.length / 2));
    const { exitCode, stderr } = await pylonDb(['query', 'SELECT * FROM t', '--db', path]);
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('is damaged')]);
  });
});

describe('preimages', () => {
  it('show when the operator asks for them', async () => {
    const { path } = await testFile();
    writeByAnother(path, "insert into earnings values ('e', null, 5, 'tip', 'h', 'secret', 1)");
    expect(await json(['query', 'SELECT preimage FROM earnings', '--db', path])).toEqual([
      { preimage: 'secret' },
    ]);
  });
});
