import { beforeAll, expect, it } from 'vitest';
import { connection, describeOnServer } from './own-server.js';
import { jsonOnServer, onServer } from './server-commands.js';

const JOB = "(id, kind, customer_pubkey, status, started_at) values ('x', 1, 'c', 'pending', 1)";

/** What each would do is seen in the tables; what touches none, by its answer. */
const REFUSED: readonly (readonly [what: string, sql: string])[] = [
  ['INSERT', `insert into jobs ${JOB}`],
  ['UPDATE', 'update jobs set price_msats = 0'],
  ['DELETE', 'delete from jobs'],
  ['INSERT … RETURNING', `insert into jobs ${JOB} returning id`],
  ['WITH … INSERT', `with a as (select 1) insert into jobs ${JOB}`],
  ['a write inside a CTE', 'with a as (delete from jobs returning *) select * from a'],
  ['SELECT … INTO', 'select * into mine from jobs'],
  ['CREATE', 'create table mine (id int)'],
  ['CREATE TEMP', 'create temp table mine as select 1'],
  ['DROP', 'drop table jobs cascade'],
  ['TRUNCATE', 'truncate jobs cascade'],
  ['COPY to a file', "copy jobs to '/tmp/pylon-db-copied'"],
  ['COPY to stdout', 'copy jobs to stdout'],
  ['SET', 'set statement_timeout = 0'],
  ['BEGIN', 'begin read write'],
  ['DO', 'do $$ begin delete from jobs; end $$'],
  ['CALL', 'call mine()'],
  ['VACUUM', 'vacuum jobs'],
  ['LISTEN', 'listen jobs'],
  ['TABLE', 'table jobs'],
  ['EXPLAIN as a word', 'explain select 1'],
  ['EXPLAIN ANALYZE of a write', 'explain analyze delete from jobs'],
  ['two queries', 'select 1; select 2'],
  ['a query and a write', 'select 1; delete from jobs'],
  ['a query, COMMIT and a write', 'select 1; commit; delete from jobs'],
  ['a query and a write behind a comment', 'select 1; -- x\n/* y */ delete from jobs'],
  ['a write behind nested comments', '/* /* */ select */ delete from jobs'],
  ['a write behind a semicolon', '; delete from jobs'],
  ['a write in parentheses', '(delete from jobs)'],
  ['a query in parentheses', '(select 1)'],
  ['a comment', '-- select 1'],
  ['a lock of rows', 'select * from jobs for update'],
  ['nextval', "select nextval(pg_get_serial_sequence('tick_history', 'id'))"],
  ['setval', "select setval(pg_get_serial_sequence('tick_history', 'id'), 7)"],
  ['set_config', "select set_config('transaction_read_only', 'off', true)"],
  ['set_config in quotes', `select "set_config"('transaction_read_only', 'off', true)`],
  ['set_config in escapes', `select U&"s\\0065t_config"('transaction_read_only', 'off', true)`],
  ['a file of the server', "select pg_read_file('/etc/passwd')"],
  ['a large object', "select lo_import('/etc/passwd')"],
  ['the end of another session', 'select pg_terminate_backend(1)'],
  ['a lock for the session', 'select pg_advisory_lock(1)'],
  ['a function that writes', 'select writes()'],
];

describeOnServer('query on a server', (own) => {
  let url: string;
  beforeAll(async () => {
    url = await own.freshSchema();
    await onServer(url, 'migrate', 'up');
    const client = await connection(url);
    await client.query(`insert into jobs ${JOB.replace("'x'", "'kept'")};
      create function writes() returns int language sql as 'delete from jobs; select 1'`);
    await client.end();
  });

  const query = (...args: readonly string[]) => onServer(url, 'query', ...args);
  const rows = (...args: readonly string[]) => jsonOnServer(url, ['query', ...args]);

  it.each(REFUSED)('refuses %s', async (_, sql) => {
    const { exitCode, stdout, stderr } = await query(sql);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^pylon-db: .*\n$/);
    expect(await rows('select id, price_msats from jobs')).toEqual([
      { id: 'kept', price_msats: 0 },
    ]);
  });

  it('refuses a write with --explain as well', async () => {
    const sql = 'with a as (delete from jobs returning *) select * from a';
    expect(await query(sql, '--explain')).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('the statement would write'),
    });
  });

  it('prints a table, and notes when there are no rows', async () => {
    expect(await query('select id, kind, output_hash from jobs')).toEqual({
      exitCode: 0,
      stdout: 'id    kind  output_hash\nkept     1         NULL\n',
      stderr: '',
    });
    const none = await query('select id from jobs where false');
    expect(none).toEqual({ exitCode: 0, stdout: '', stderr: 'No rows.\n' });
  });

  it('rounds nothing, and gives bytes in hex', async () => {
    expect(
      await rows(`select 9223372036854775807 as big, 1.5::float8 as real, 0.10 as decimal,
        12345678901234567890.5 as long, (select sum(n) from (values (1), (2)) v (n)) as sum,
        '\\x00ff'::bytea as bytes, true as yes, null as nothing, '{"a":1}'::jsonb as json`),
    ).toEqual([
      {
        big: '9223372036854775807',
        real: 1.5,
        decimal: 0.1,
        long: '12345678901234567890.5',
        sum: 3,
        bytes: '00ff',
        yes: 'true',
        nothing: null,
        json: '{"a": 1}',
      },
    ]);
  });

  it('prints the digits that are stored of numbers beyond 2^53, in a table too', async () => {
    const sql = 'select 12345678901234567000.0 as n, 12345678901234567000.0::float8 as r';
    expect((await query(sql)).stdout).toBe(
      '                     n                       r\n12345678901234567000.0  12345678901234567000.0\n',
    );
    expect((await query(sql, '--format', 'csv')).stdout).toBe(
      'n,r\r\n12345678901234567000.0,12345678901234567000.0\r\n',
    );
  });

  it('prints CSV and one object a line', async () => {
    const sql = 'select n, n * 2 as twice from generate_series(1, 2) n';
    expect((await query(sql, '--format', 'csv')).stdout).toBe('n,twice\r\n1,2\r\n2,4\r\n');
    expect((await query(sql, '--format', 'ndjson')).stdout).toBe(
      '{"n":1,"twice":2}\n{"n":2,"twice":4}\n',
    );
  });

  it('takes parameters by name, also twice, and never as SQL', async () => {
    expect(
      await rows(
        'select :id::text as a, id as b from jobs where id = :id and kind = :kind',
        ...['-p', 'id=kept', '-p', 'kind=1'],
      ),
    ).toEqual([{ a: 'kept', b: 'kept' }]);
    const sql = 'select count(*) as n from jobs where id = :id';
    expect(await rows(sql, '-p', "id=x' or 'a' = 'a")).toEqual([{ n: 0 }]);
  });

  it('finds no parameter in text, names, comments, dollar quotes and casts', async () => {
    expect(
      await rows(
        `select ':a' as ":b", E'\\':c' as e, $$:d$$ as f, $x$:g $$ :h$x$ as g, 'i'::text as i, /* :j
         /* :k */ :l */ (array[1,2,3])[2:3] as m, :n::int as n -- :o`,
        ...['-p', 'n=7'],
      ),
    ).toEqual([{ ':b': ':a', e: "':c", f: ':d', g: ':g $$ :h', i: 'i', m: '{2,3}', n: 7 }]);
  });

  it.each([
    ['a missing value', 'select :a::int', [], 'the parameter a has no value'],
    ['a value too many', 'select 1', ['-p', 'a=1'], 'the query has no parameter a'],
    ['a parameter without name', 'select $1::int', [], 'a parameter of the query has no name'],
    [
      'a mistake',
      'select nothing_of_that_name',
      [],
      'column "nothing_of_that_name" does not exist',
    ],
    ['no query', '', [], 'it begins with no keyword'],
  ])('reports %s', async (_, sql, args, problem) => {
    const { exitCode, stdout, stderr } = await query(sql, ...args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(problem);
  });

  it("doesn't show the value that fits no type", async () => {
    const { exitCode, stderr } = await query("select cast('PRIVATE' as int)");
    expect(exitCode).toBe(2);
    expect(stderr).toContain("a value doesn't fit its type (22P02)");
    expect(stderr).not.toContain('PRIVATE');
  });

  it('--explain draws the plan of the server', async () => {
    const { exitCode, stdout } = await query(
      'select * from jobs where id = :id',
      ...['-p', 'id=x', '--explain'],
    );
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^(Index|Seq) Scan .*on jobs/);
  });

  it('ends at the deadline, however long a query sleeps', async () => {
    const { exitCode, stdout, stderr } = await query('select pg_sleep(600)', '--timeout', '1');
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain('the query was ended after 1 s');
    const sleeping = await rows(
      "select count(*) as n from pg_stat_activity where query like '%pg_sleep(600)' and state = 'active'",
    );
    expect(sleeping).toEqual([{ n: 0 }]);
  });

  it('ends at the deadline, also between rows that come slowly', async () => {
    const sql = 'select n, pg_sleep(0.2) from generate_series(1, 3000) n';
    const { exitCode, stderr } = await query(sql, '--timeout', '1', '--format', 'ndjson');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('the query was ended after 1 s');
  });

  it('stops at the cap of rows, and says so', async () => {
    const { exitCode, stdout, stderr } = await query(
      'select generate_series(1, 1000000000) as n',
      ...['--limit', '2', '--format', 'csv'],
    );
    expect([exitCode, stdout]).toEqual([0, 'n\r\n1\r\n2\r\n']);
    expect(stderr).toContain('Rows shown: only the first 2; there are more.');
  });

  it('stops at the cap of bytes, and never fetches the gigabytes behind it', async () => {
    const { exitCode, stdout, stderr } = await query(
      "select repeat('x', 10000000) as x from generate_series(1, 1000)",
      ...['--format', 'ndjson', '--timeout', '600'],
    );
    expect(exitCode).toBe(0);
    expect(stdout.match(/\n/g)).toHaveLength(6);
    expect(stderr).toContain('only the first 6; with the next there were more than 64 MiB');
  });

  it('gives as many rows as there are when they fill several fetches', async () => {
    const { stdout } = await query(
      "select n, repeat('x', n % 500) as x from generate_series(1, 20000) n",
      ...['--format', 'csv', '--limit', '30000', '--timeout', '600'],
    );
    const lines = stdout.trimEnd().split('\r\n');
    expect(lines).toHaveLength(20_001);
    expect(lines.at(-1)).toBe('20000,');
  });
});
