import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { EXPORT_FORMATS } from '../../src/ops/export/export-parts.js';
import { CLI, pylonDb } from '../cli/command.js';
import { PREIMAGE } from '../cli/exported.js';
import { fuzzSeed, Random } from '../faults/random.js';
import { temporaryFolder } from '../temporary.js';
import { allExports, copy, exportOf } from './copied.js';
import { connected, describeOnServer } from './own-server.js';
import { randomFile } from './random-file.js';

const SEED = fuzzSeed();

describeOnServer('export of a server', (own) => {
  let url = '';
  beforeAll(async () => {
    url = await own.freshSchema();
    await using db = await PylonDb.open(url);
    await db.jobs.create({ id: 'j', kind: 5, customer_pubkey: 'c', created_at: 100 });
    await db.jobs.create({ id: 'k', kind: 6, customer_pubkey: 'c, "d"', created_at: 200 });
    const paid = { price_msats: 1, payment_hash: 'h', preimage: PREIMAGE };
    await db.jobs.completeWithPayment('j', paid);
  });

  it(`gives the text that a file gives for the same random rows (seed ${SEED})`, async () => {
    const [file, schema] = [await randomFile(new Random(SEED)), await own.freshSchema()];
    await copy(file, schema);
    expect(await allExports(schema)).toEqual(await allExports(file));
    for (const format of EXPORT_FORMATS) {
      const selection = { tables: ['jobs', 'earnings', 'tick_history'] as const, since: 2 ** 30 };
      for (const table of selection.tables) {
        const props = {
          selection: { ...selection, tables: [table] },
          format,
          includeSecrets: true,
        };
        expect(await exportOf(schema, props)).toBe(await exportOf(file, props));
      }
      const sql =
        'select id as "an id", kind, id, created_at + 0 as t from jobs where kind > 1 order by id collate ';
      const props = (collation: string) => ({
        selection: { sql: sql + collation },
        format,
        includeSecrets: false,
      });
      expect(await exportOf(schema, props('"C"'))).toBe(await exportOf(file, props('binary')));
    }
  });

  it.each([
    'select preimage from earnings',
    'select * from earnings',
    'select upper(preimage) from earnings',
    "select id from earnings where preimage > 'a'",
    'select e from earnings e',
    'select row_to_json(e) from earnings e',
    'select count(*) from earnings group by preimage',
    'select upper(x) from (select preimage as x from earnings offset 0) s',
    'with c as materialized (select preimage as x from earnings) select upper(c.x) from c, c as d',
    'select (select preimage from earnings limit 1)',
    'select upper(x) from earnings as e (a, b, c, d, f, x)',
    'select max("X y") from earnings as "E" (a, b, c, d, f, "X y")',
    'select count(*) from earnings as e (a, b, c, d, f, x) group by x',
    'select j.id from jobs j join earnings as e (a, b, c, d, f, x) on e.x = j.id',
    'select x from earnings as e (a, b, c, d, f, x)',
    'select id from (select id, preimage from earnings offset 0) s where s is not null',
    'select id from earnings order by preimage',
    'select max(preimage) from earnings',
    'select a.id from earnings a join earnings b on a.preimage = b.preimage',
    'select id from jobs where exists (select 1 from earnings where job_id = jobs.id and preimage is not null)',
    "select query_to_xml('select 1', true, true, '')",
    'select most_common_vals from pg_stats',
    'select * from secret_view',
    'select secret_function()',
    'select * from secret_caller',
    'select preimage from earnings union all select id from jobs',
    "select string_agg(preimage, ',') over () from earnings",
  ])('refuses to read preimages: %s', async (sql) => {
    const client = await connected(url);
    await client.query(
      `create or replace view secret_view as select preimage as x from earnings;
       create or replace function secret_function() returns text language plpgsql volatile as
         $$ begin return (select preimage from earnings limit 1); end $$;
       create or replace view secret_caller as select secret_function() as x from jobs`,
    );
    const props = { selection: { sql }, format: 'csv' as const, includeSecrets: false };
    await expect(exportOf(url, props)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: expect.stringContaining('--include-secrets'),
    });
  });

  it.each([
    ['select id, kind from jobs order by id', 'id,kind\r\nj,5\r\nk,6\r\n'],
    ['select sum(amount_msats) as s from earnings', 's\r\n1\r\n'],
    ['select count(*) as n from earnings', 'n\r\n1\r\n'],
    ['select j.id from jobs j join earnings e on e.job_id = j.id', 'id\r\nj\r\n'],
    ['select source, count(*) as n from earnings group by source', 'source,n\r\njob,1\r\n'],
    ['select id from jobs where kind = 5;', 'id\r\nj\r\n'],
    ['select job_id from earnings order by earned_at', 'job_id\r\nj\r\n'],
    [
      "select row_to_json(x) as r from (select kind from jobs where id = 'j') x",
      'r\r\n"{""kind"":5}"\r\n',
    ],
  ])('lets through what reads none: %s', async (sql, text) => {
    const props = { selection: { sql }, format: 'csv' as const, includeSecrets: false };
    expect(await exportOf(url, props)).toBe(text);
  });

  it('gives preimages to --sql with --include-secrets', async () => {
    const sql = 'select preimage from earnings';
    const props = { selection: { sql }, format: 'json' as const, includeSecrets: true };
    expect(JSON.parse(await exportOf(url, props))).toEqual([{ preimage: PREIMAGE }]);
  });

  it.each([
    'delete from jobs',
    'with d as (delete from jobs returning id) select * from d',
    'select * into copied from jobs',
    "select nextval('tick_history_id_seq')",
    'select 1; select 2',
  ])('refuses what would write: %s', async (sql) => {
    const props = { selection: { sql }, format: 'csv' as const, includeSecrets: true };
    await expect(exportOf(url, props)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('writes a file, or all tables to a folder, and prints where', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'jobs.csv');
    const one = await pylonDb(['export', 'jobs', '--out', file, '--db', url]);
    expect(one).toMatchObject({ exitCode: 0, stdout: `${file}\n` });
    const props = {
      selection: { tables: ['jobs' as const] },
      format: 'csv' as const,
      includeSecrets: false,
    };
    expect(readFileSync(file, 'latin1')).toBe(await exportOf(url, props));
    const all = join(folder, 'all');
    const outcome = await pylonDb([
      'export',
      '--all',
      '--format',
      'ndjson',
      '--out',
      all,
      '--db',
      url,
    ]);
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(readdirSync(all).sort()).toEqual(
      ['agents', 'earnings', 'jobs', 'migrations', 'tick_history'].map((name) => `${name}.ndjson`),
    );
    expect(readFileSync(join(all, 'earnings.ndjson'), 'utf8')).not.toContain(PREIMAGE);
  });

  it('leaves nothing of an export that fails, and replaces no file unasked', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'x.csv');
    const failing = 'select 1 / (kind - 6) as x from jobs order by id';
    const outcome = await pylonDb(['export', '--sql', failing, '--out', file, '--db', url]);
    expect(outcome.exitCode).not.toBe(0);
    expect(readdirSync(folder)).toEqual([]);
    await pylonDb(['export', 'jobs', '--out', file, '--db', url]);
    const again = await pylonDb(['export', 'agents', '--out', file, '--db', url]);
    expect(again).toMatchObject({ exitCode: 2 });
    expect(readFileSync(file, 'utf8')).toContain('customer_pubkey');
  });

  it('leaves nothing behind on Ctrl-C', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'x.csv');
    // In the select list the rows stream; in FROM the server would first write all of them to disk.
    const endless = 'select generate_series(1, 1000000000) as a';
    const child = spawn('node', [CLI, 'export', '--sql', endless, '--out', file, '--db', url]);
    while (readdirSync(folder).length === 0) await new Promise((r) => setTimeout(r, 20));
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
    expect(existsSync(file)).toBe(false);
  });
});
