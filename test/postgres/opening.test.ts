import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { sql } from 'kysely';
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { type ErrorCode, PylonDb } from '../../src/index.js';
import { failureOf, rejection } from '../engine/failure.js';
import { job } from '../engine/fresh.js';
import { connected, connection, describeOnServer, type OwnServer, opened } from './own-server.js';

/** Holds each character that means something in a URL; no part of it may be shown. */
const PASSWORD = 'SECRET1@SECRET2:SECRET3/SECRET4%40SECRET5?SECRET6#SECRET7 SECRET8+SECRET9';

/** All that logs might print of a value. */
const shown = (value: unknown): string =>
  `${inspect(value, { depth: 9, showHidden: true, getters: true })} ${JSON.stringify(value)} ${value}`;

/** The role `locked` needs its password from now on. */
async function lockRole({ server }: OwnServer): Promise<void> {
  const client = await connection(server.url());
  const { rows } = await client.query("select current_setting('hba_file') as file");
  await client.query(`create role locked superuser login password '${PASSWORD}'`);
  await client.query(`copy (values ('host all locked 127.0.0.1/32 scram-sha-256'),
    ('host all all 127.0.0.1/32 trust')) to '${rows[0]?.file}'`);
  await client.query('select pg_reload_conf()');
  await client.end();
}

describeOnServer('opening a server', (own) => {
  beforeAll(() => lockRole(own));
  const port = () => own.server.port;
  const lockedUrl = (password: string, rest = 'postgres') =>
    `postgres://locked:${password}@127.0.0.1:${port()}/${rest}`;

  it('takes a password of special characters, percent-encoded, and shows nothing of it', async () => {
    const options = new URL(await own.freshSchema()).search;
    const db = await opened(`${lockedUrl(encodeURIComponent(PASSWORD))}${options}`);
    expect(db.path).toBe(`postgres://locked@127.0.0.1:${port()}/postgres`);
    expect(shown(db)).not.toContain('SECRET');
    const { rows } = await (await connected(own.server.url())).query<{ line: string }>(
      'select string_agg(a::text, chr(10)) as line from pg_stat_activity a',
    );
    expect(rows[0]?.line).not.toContain('SECRET');
  });

  it.each(['@', ':', '/', '%40', '?', '#', ' ', '%', '//', '@/', ':1/'])(
    'says nothing of a wrong password with %s in it',
    async (sign) => {
      const error = await rejection(PylonDb.open(lockedUrl(`SECRET1${sign}SECRET2`)));
      expect(error).toMatchObject({ name: 'PylonDbError', operation: 'PylonDb.open' });
      expect(shown(error)).not.toContain('SECRET');
    },
  );

  const closedPort = 1;
  const REFUSED: readonly (readonly [string, ErrorCode, () => string, RegExp])[] = [
    ['a wrong password', 'CANNOT_OPEN', () => lockedUrl('SECRET'), /password/],
    [
      'no password',
      'CANNOT_OPEN',
      () => `postgres://locked@127.0.0.1:${port()}/postgres`,
      /password/,
    ],
    ['an unknown database', 'CANNOT_OPEN', () => own.server.url('nowhere'), /database/],
    [
      'a closed port',
      'CANNOT_OPEN',
      () => `postgres://u:SECRET@127.0.0.1:${closedPort}/db`,
      /server is up/,
    ],
    ['an unknown host', 'CANNOT_OPEN', () => 'postgres://u:SECRET@no-such-host.invalid/db', /host/],
    [
      'a server without TLS when TLS is asked for',
      'CANNOT_OPEN',
      () => `${own.server.url()}?sslmode=require`,
      /TLS/,
    ],
    ['a port that is none', 'INVALID_ARGUMENT', () => 'postgres://u:SECRET@host:port/db', /%40/],
    ['half a percent sign', 'INVALID_ARGUMENT', () => 'postgres://u:SECRET%E0%A4@host/db', /%40/],
    ['max=0', 'INVALID_ARGUMENT', () => `${own.server.url()}?max=0`, /max/],
    ['max=1.5', 'INVALID_ARGUMENT', () => `${own.server.url()}?max=1.5`, /max/],
    ['max=1001', 'INVALID_ARGUMENT', () => `${own.server.url()}?max=1001`, /max/],
    ['max=', 'INVALID_ARGUMENT', () => `${own.server.url()}?max=`, /max/],
    ['another scheme', 'NOT_SUPPORTED', () => 'mysql://u:SECRET@host/db', /postgres:/],
    [
      'a schema that is not there',
      'CANNOT_OPEN',
      () => `${own.server.url()}?options=-csearch_path%3Dnowhere`,
      /search_path/,
    ],
  ];

  it.each(REFUSED)('refuses %s by name and says what to do', async (_, code, url, hint) => {
    const error = await failureOf(PylonDb.open(url()), code);
    expect(error.hint).toMatch(hint);
    expect(shown(error)).not.toContain('SECRET');
  });

  it('takes what the URL leaves out from the usual variables', async () => {
    const client = await connected(own.server.url());
    await client.query('drop database if exists from_environment with (force)');
    await client.query('create database from_environment');
    vi.stubEnv('PGHOST', '127.0.0.1');
    vi.stubEnv('PGPORT', String(port()));
    vi.stubEnv('PGUSER', 'locked');
    vi.stubEnv('PGDATABASE', 'from_environment');
    vi.stubEnv('PGPASSWORD', PASSWORD);
    const db = await opened('postgres://');
    await db.jobs.create(job('j'));
    vi.unstubAllEnvs();
    const there = await connected(own.server.url('from_environment'));
    expect((await there.query('select id from jobs')).rows).toEqual([{ id: 'j' }]);
    expect(db.path).toBe('postgres://');
    expect(shown(db)).not.toContain('SECRET');
  });

  it('works in the schema that search_path names, and in no other', async () => {
    const at = async (id: string) => {
      const url = await own.freshSchema();
      await (await opened(url)).jobs.create(job(id));
      return { id, outside: await connected(url) };
    };
    const [one, two] = [await at('one'), await at('two')];
    for (const { id, outside } of [one, two]) {
      expect((await outside.query('select id from jobs')).rows).toEqual([{ id }]);
    }
    const { rows } = await one.outside.query(
      "select count(*)::int as tables from pg_tables where schemaname = 'public'",
    );
    expect(rows).toEqual([{ tables: 0 }]);
  });

  it('has no more connections than ?max= says', async () => {
    const url = await own.freshSchema();
    const db = await opened(`${url}&max=2&application_name=counted`);
    const outside = await connected(url);
    const count = async (where: string) => {
      const { rows } = await outside.query<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity
         where application_name = 'counted' and ${where}`,
      );
      return rows[0]?.count;
    };
    const holder = await connected(url);
    await holder.query('begin; lock table jobs');
    const reading = Array.from({ length: 6 }, () =>
      db.kysely.selectFrom('jobs').selectAll().execute(),
    );
    while ((await count("wait_event_type = 'Lock'")) !== 2) await sleep(5);
    expect(await count('true')).toBe(2);
    await holder.query('rollback');
    await Promise.all(reading);
    expect(await count('true')).toBe(2);
  });

  it('lets calls wait for its own connections, however long: only others make a call BUSY', async () => {
    const db = await opened(`${await own.freshSchema()}&max=1`, { busyTimeoutMs: 100 });
    await db.jobs.create(job('a'));
    // Longer than connecting may take.
    const long = sql`select pg_sleep(11)`.execute(db.kysely);
    const calls = [
      db.jobs.get('a'),
      db.jobs.create(job('b')),
      db.transaction((tx) => tx.jobs.get('a')),
    ];
    expect(await Promise.all(calls)).toMatchObject([{ id: 'a' }, { id: 'b' }, { id: 'a' }]);
    await long;
  });

  it('takes the longest busyTimeoutMs without a warning', async () => {
    const warnings: string[] = [];
    const hear = ({ name }: Error) => void warnings.push(name);
    process.on('warning', hear);
    onTestFinished(() => void process.off('warning', hear));
    const db = await opened(await own.freshSchema(), { busyTimeoutMs: 2 ** 31 - 1 });
    await db.jobs.create(job('a'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).not.toContain('TimeoutOverflowWarning');
  });

  it('says when the server takes no more connections', async () => {
    const client = await connected(own.server.url());
    await client.query('drop role if exists narrow');
    await client.query('create role narrow login connection limit 1');
    const url = `postgres://narrow@127.0.0.1:${port()}/postgres`;
    const held = await connection(url);
    const { hint } = await failureOf(PylonDb.open(url), 'CANNOT_OPEN');
    await held.end();
    expect(hint).toMatch(/number of connections/);
  });
});
