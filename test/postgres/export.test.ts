import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { EXPORT_FORMATS } from '../../src/cli/export/parts.js';
import { PylonDb } from '../../src/index.js';
import { CLI, publishedFile, pylonDb } from '../cli/command.js';
import { PREIMAGE } from '../cli/exported.js';
import { fuzzSeed, Random } from '../faults/random.js';
import { writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { allExports, copy, exportOf } from './copied.js';
import { describeOnServer } from './own-server.js';
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

  it('neutralises formulas for a spreadsheet, as a file does', async () => {
    const file = publishedFile(temporaryFolder());
    writeByAnother(
      file,
      "update jobs set error_message = '=1+1', price_msats = 9007199254740991 where status = 'failed'",
    );
    const schema = await own.freshSchema();
    await copy(file, schema);
    for (const selection of [
      { tables: ['jobs'] },
      { sql: 'select error_message as "=a", price_msats from jobs order by id' },
    ] as const) {
      const props = { selection, format: 'csv', includeSecrets: false, spreadsheet: true } as const;
      const text = await exportOf(schema, props);
      expect(text).toBe(await exportOf(file, props));
      expect(text).toContain("'=1+1");
      expect(text).toContain("'9007199254740991");
      expect(text).not.toMatch(/(^|[,"])=/m);
    }
  });

  it.each([
    ['select id, kind from jobs order by id', 'id,kind\r\nj,5\r\nk,6\r\n'],
    ['select id from jobs where kind = 5;', 'id\r\nj\r\n'],
    [
      "select row_to_json(x) as r from (select kind from jobs where id = 'j') x",
      'r\r\n"{""kind"":5}"\r\n',
    ],
    ['select preimage from earnings', `preimage\r\n${PREIMAGE}\r\n`],
  ])('gives what a query asks for: %s', async (sql, text) => {
    const props = { selection: { sql }, format: 'csv' as const, includeSecrets: false };
    expect(await exportOf(url, props)).toBe(text);
  });

  it.each(EXPORT_FORMATS)('leaves preimages out of tables as %s, unless asked', async (format) => {
    const selection = { tables: ['earnings'] as const };
    const without = await exportOf(url, { selection, format, includeSecrets: false });
    expect(without).not.toMatch(/preimage|secret/);
    const all = await exportOf(url, { selection, format, includeSecrets: true });
    expect(all).toContain(PREIMAGE);
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
