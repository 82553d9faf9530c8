import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runQuery } from '../../src/cli/query/file.js';
import { bindParameters, parameterValue } from '../../src/cli/query/parameters.js';
import { prepareQuestion } from '../../src/cli/query/read-statement.js';
import type { QueryInput } from '../../src/cli/query/task.js';
import { isPylonDbError } from '../../src/errors.js';
import { failureOf } from '../engine/failure.js';
import { testFile } from '../file.js';
import { temporaryFolder } from '../temporary.js';

/** A connection that may write: here only the check stands between the SQL and the file. */
function writable(): { db: Database.Database; folder: string } {
  const folder = temporaryFolder();
  const db = new Database(join(folder, 'w.db'));
  onTestFinished(() => void db.close());
  // The folder is hashed while the file is open: no WAL, and nothing left in the cache.
  db.exec(`create table t (id integer primary key, x); create index i on t (x);
    insert into t (x) values (1), ('a'), (null)`);
  return { db, folder };
}

/** The bytes of all files, and what the connection itself would show. */
function state(db: Database.Database, folder: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) {
    // Closing it drops SQLite's locks; this connection holds none between two statements.
    hash.update(name).update(readFileSync(join(folder, name)));
  }
  const temporary = db.prepare('select * from temp.sqlite_master').all();
  const settings = ['user_version', 'journal_mode', 'query_only', 'foreign_keys', 'database_list'];
  return hash
    .update(JSON.stringify(settings.map((name) => db.pragma(name))))
    .update(JSON.stringify([db.inTransaction, temporary]))
    .digest('hex');
}

/** SqlSyntax that, put together, are now and then a statement. */
const WORDS = fc.constantFrom(
  ...['SELECT 1', 'select x from t', 'VALUES (1)', 'WITH a AS (SELECT 1)', 'WITH a(x) AS (', ')'],
  ...['INSERT INTO t (x) VALUES (9)', 'INSERT INTO t (x) SELECT 9', 'UPDATE t SET x = 9'],
  ...['DELETE FROM t', 'REPLACE INTO t VALUES (1, 9)', 'RETURNING x', 'SELECT * FROM a'],
  ...['DROP TABLE t', 'CREATE TABLE n (x)', 'CREATE TEMP TABLE n (x)', 'VACUUM', 'ANALYZE'],
  ...["ATTACH ':memory:' AS m", "VACUUM INTO 'FOLDER/v.db'", 'PRAGMA user_version = 5', 'BEGIN'],
  ...['SELECT * FROM pragma_optimize(65534)', "SELECT load_extension('x')", 'SAVEPOINT s'],
  ...['WITH a AS (SELECT 1) DELETE FROM t RETURNING x', 'UPDATE t SET x = 8 RETURNING x'],
  ...['EXPLAIN', 'QUERY PLAN', ';', '--', '\n', '/*', '*/', "'", '"', '(', '\ufeff', 'UNION', ','],
);

describe('a question', () => {
  it('changes nothing, even on a connection that may write, whatever its text', () => {
    const { db, folder } = writable();
    const before = state(db, folder);
    let ran = 0;
    const run = (sql: string) => {
      try {
        prepareQuestion(db, sql).all();
        ran += 1;
      } catch (error) {
        const refused = isPylonDbError(error, 'INVALID_ARGUMENT');
        if (!refused && !(error instanceof Database.SqliteError)) throw error;
      }
    };
    fc.assert(
      fc.property(fc.array(WORDS, { minLength: 1, maxLength: 6 }), fc.nat(1), (words, glue) => {
        const sql = words.join(glue === 0 ? ' ' : '').replaceAll('FOLDER', folder);
        run(sql);
        expect(state(db, folder), sql).toBe(before);
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 8000 },
    );
    // Else everything was refused, and this test shows nothing.
    expect(ran).toBeGreaterThan(20);
  });

  it.each([
    ['REPLACE INTO t VALUES (1, 2)'],
    ['WITH a AS (SELECT 1) INSERT INTO t (x) VALUES (9) RETURNING x'],
    ['WITH a AS (SELECT 1) DELETE FROM t RETURNING x'],
    ['PRAGMA user_version'],
    ['PRAGMA wal_checkpoint'],
    ['PRAGMA integrity_check'],
    ['ALTER TABLE t RENAME TO u'],
    ['REINDEX'],
    ['PRAGMA query_only = 0'],
    ['SELECT * FROM [pragma_optimize]'],
    ['SELECT * FROM `PRAGMA_OPTIMIZE`'],
    ['SELECT "load_extension"(\'x\')'],
    ["SELECT load_extension/**/('x')"],
    ["SELECT 'a''', load_extension('x'), ''"],
    ["SELECT 1 AS [it's], load_extension('x') AS \"y'\""],
    ['/* open'],
    ['SELECT 1\0; DELETE FROM t'],
    ['VALUES (1); VALUES (2)'],
  ])('is not %j', (sql) => {
    const { db } = writable();
    expect(() => prepareQuestion(db, sql)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'sql' }),
    );
  });

  it('gets the value of each parameter by its name, whatever sign it has', () => {
    const { db } = writable();
    const sql = 'select :a, @b, $c, :a';
    const question = prepareQuestion(db, sql);
    bindParameters(db, sql, question, { a: 1n, b: 'two', c: null });
    expect(question.all()).toEqual([[1n, 'two', null, 1n]]);
  });
});

describe('a value of the command line', () => {
  it('comes back as the same text when it is bound as a number', () => {
    const { db } = writable();
    const text = db.prepare<[unknown], string>('select cast(? as text)').pluck();
    const values = fc.oneof(
      fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.stringMatching(/^-?[0-9]{1,20}(\.[0-9]{1,4})?$/),
    );
    fc.assert(
      fc.property(values, (value) => {
        const bound = parameterValue(value);
        if (typeof bound === 'bigint') expect(text.get(bound)).toBe(value);
        else if (typeof bound === 'number') expect(String(bound)).toBe(value);
        else expect(bound).toBe(value);
      }),
      { numRuns: 2000, interruptAfterTimeLimit: 5000 },
    );
  });

  it('is an integer, exact, when it is written as one', () => {
    expect(['0', '-5', '9007199254740993'].map(parameterValue)).toEqual([
      0n,
      -5n,
      9007199254740993n,
    ]);
  });

  it.each([
    ['-0', '-0'],
    ['+5', '+5'],
    ['a=b', 'a=b'],
    ["it's", "it's"],
    ["'", "'"],
    ["''", ''],
    ["'a'b'", "'a'b'"],
    ['NULL', 'NULL'],
    ['0x10', '0x10'],
  ])('%s is %j', (text, value) => {
    expect(parameterValue(text)).toBe(value);
  });
});

describe('runQuery', () => {
  const question = (path: string, sql: string): QueryInput => ({
    path,
    sql,
    parameters: {},
    explain: false,
    maxRows: 10,
    maxBytes: 1000,
    timeoutMs: 20_000,
    busyTimeoutMs: 1000,
  });

  it('is ended by its signal', async () => {
    const { path } = await testFile();
    const endless = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
      SELECT max(n) FROM c`;
    const stop = new AbortController();
    const onReport = () => stop.abort();
    await failureOf(
      runQuery(question(path, endless), { onReport, signal: stop.signal }),
      'ABORTED',
    );
  });

  it('stops before the row that passes its cap of bytes', async () => {
    const { path } = await testFile();
    const rows: unknown[] = [];
    const sql = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
      SELECT n, hex(zeroblob(100)) FROM c`;
    const end = await runQuery(question(path, sql), {
      onReport: (report) => report.kind === 'rows' && rows.push(...report.rows),
    });
    // 208 bytes a row, and 1,000 allowed.
    expect([end, rows.length]).toEqual([{ rows: 4, cut: 'bytes' }, 4]);
  });

  it('reports the columns, then the rows', async () => {
    const { path } = await testFile();
    const reports: unknown[] = [];
    await runQuery(question(path, 'SELECT 1 AS a UNION ALL SELECT 2'), {
      onReport: (report) => reports.push(report),
    });
    expect(reports).toEqual([
      { kind: 'columns', names: ['a'] },
      { kind: 'rows', rows: [[1n], [2n]] },
    ]);
  });
});
