import { sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { generateTypes } from '../../src/codegen/index.js';
import { PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { job } from '../engine/fresh.js';
import { connected, describeOnServer, type OwnServer, opened } from './own-server.js';
import { onServer } from './server-commands.js';

/** Defaults that a database, a role or a server may have. */
const DEFAULTS = [
  'quote_all_identifiers = on',
  'standard_conforming_strings = off',
  "bytea_output = 'escape'",
  "datestyle = 'sql, dmy'",
  "intervalstyle = 'sql_standard'",
  'extra_float_digits = -15',
  "lc_messages = 'C'",
  "default_transaction_isolation = 'serializable'",
  'default_transaction_deferrable = on',
  'search_path = nowhere, "$user", public, pg_catalog',
  "timezone = 'Asia/Kolkata'",
  'transform_null_equals = on',
  'array_nulls = off',
] as const;

/** A database of its own, which has such defaults. */
async function databaseWith(own: OwnServer, ...defaults: readonly string[]): Promise<string> {
  const client = await connected(own.server.url());
  const name = `d${crypto.randomUUID().replaceAll('-', '')}`;
  await client.query(`create database ${name}`);
  onTestFinished(async () => void (await client.query(`drop database ${name} with (force)`)));
  for (const setting of defaults) await client.query(`alter database ${name} set ${setting}`);
  return own.server.url(name);
}

describeOnServer('a database with defaults of its own', (own) => {
  it('opens, again and by commands, and keeps what it is given', async () => {
    const url = await databaseWith(own, ...DEFAULTS);
    await (await PylonDb.open(url)).close();
    const db = await opened(url);
    await db.jobs.create({ ...job('a\\'), price_msats: 5 });
    await db.jobs.completeWithPayment('a\\', { price_msats: 5 });
    expect(await db.jobs.get('a\\')).toMatchObject({ id: 'a\\', price_msats: 5 });
    expect(await db.transaction((tx) => tx.earnings.total())).toBe(5);
    expect(await onServer(url, 'migrate', 'verify')).toMatchObject({ exitCode: 0 });
    expect(await onServer(url, 'check')).toMatchObject({ exitCode: 0 });
    expect(await generateTypes(url)).toContain("export type JobStatus = 'pending' |");
  });

  it('gives values with all their digits, and bytes and times as they are', async () => {
    const db = await opened(await databaseWith(own, ...DEFAULTS));
    const { rows } = await sql`select 0.1::float8 + 0.2::float8 as real, '\\x00ff'::bytea as bytes,
      timestamptz '2026-01-02 03:04:05Z' as at, interval '1 day 2 hours' as wait, 'a\\' as text`.execute(
      db.kysely,
    );
    expect(rows).toEqual([
      {
        real: 0.1 + 0.2,
        bytes: Buffer.from([0, 255]),
        at: new Date('2026-01-02T03:04:05Z'),
        wait: expect.objectContaining({ days: 1, hours: 2 }),
        text: 'a\\',
      },
    ]);
  });
});

describeOnServer('a database of another encoding', (own) => {
  it.each(['LATIN1', 'SQL_ASCII', 'EUC_JP'])(
    'as %s is refused at open, and nothing is made in it',
    async (encoding) => {
      const client = await connected(own.server.url());
      const name = `encoded_${encoding.toLowerCase()}`;
      await client.query(
        `create database ${name} encoding '${encoding}' locale 'C' template template0`,
      );
      const { message, hint } = await failureOf(
        PylonDb.open(own.server.url(name)),
        'NOT_SUPPORTED',
      );
      expect(message).toContain(encoding);
      expect(hint).toContain('UTF8');
      expect(await onServer(own.server.url(name), 'info')).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining(encoding),
      });
      await expect(generateTypes(own.server.url(name))).rejects.toMatchObject({
        code: 'NOT_SUPPORTED',
      });
      const there = await connected(own.server.url(name));
      expect(
        (await there.query("select tablename from pg_tables where schemaname = 'public'")).rows,
      ).toEqual([]);
    },
  );
});
