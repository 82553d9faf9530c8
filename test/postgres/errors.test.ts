import { inspect } from 'node:util';
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { type ErrorCode, type MigrationList, PylonDb, type QueryEvent } from '../../src/index.js';
import { failureOf, rejection } from '../engine/failure.js';
import { describeOnServer, type OpenedDatabase, opened } from './own-server.js';

const PREIMAGE = 'b7a3f00dcafe5eed';
const EARNING = { id: 'e', amount_msats: 5, source: 'tip', preimage: PREIMAGE } as const;

type Fail = (schema: OpenedDatabase) => Promise<unknown>;

const insert =
  (row: object): Fail =>
  ({ db }) =>
    db.kysely
      .insertInto('earnings')
      .values({ ...EARNING, ...row })
      .execute();

const TRIGGER = `
  create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'not %', new using errcode = TG_ARGV[0], detail = new; end $$;
  create trigger refuse before insert on earnings for each row execute function refuse(`;

const migrations: MigrationList = {
  '002_service': async () => ({
    async up({ context }) {
      await sql`insert into earnings (id, preimage) values (1, ${PREIMAGE})`.execute(context);
    },
  }),
};

/** Each with the preimage among what it was given, and the constraint that is reported. */
const FAILURES: readonly (readonly [string, ErrorCode, string | undefined, Fail])[] = [
  ['a CHECK', 'INVALID_ARGUMENT', 'check', insert({ source: 'gift' })],
  ['NOT NULL', 'INVALID_ARGUMENT', 'not_null', insert({ amount_msats: null })],
  ['a foreign key', 'INVALID_ARGUMENT', 'foreign_key', insert({ job_id: 'none' })],
  ['a number that is none', 'INVALID_ARGUMENT', undefined, insert({ amount_msats: PREIMAGE })],
  ['a NUL', 'INVALID_ARGUMENT', undefined, insert({ preimage: `${PREIMAGE}\0` })],
  ['a number too large', 'OUT_OF_RANGE', undefined, insert({ amount_msats: `9${'0'.repeat(20)}` })],
  ['an unknown column', 'INVALID_ARGUMENT', undefined, insert({ secret: PREIMAGE })],
  [
    'a primary key',
    'INVALID_ARGUMENT',
    'primary_key',
    async (schema) => {
      await schema.db.earnings.record(EARNING);
      await insert({})(schema);
    },
  ],
  [
    'a unique index of another program',
    'INVALID_ARGUMENT',
    'unique',
    async ({ db, outside }) => {
      await outside.query('create unique index once on earnings (preimage)');
      await db.earnings.record(EARNING);
      await db.earnings.record({ ...EARNING, id: 'again' });
    },
  ],
  [
    'a unique index, inside a transaction',
    'INVALID_ARGUMENT',
    'unique',
    async ({ db, outside }) => {
      await outside.query('create unique index once on earnings (preimage)');
      await db.earnings.record(EARNING);
      await db.transaction(async (tx) => await tx.earnings.record({ ...EARNING, id: 'again' }));
    },
  ],
  [
    'a deferred foreign key',
    'INVALID_ARGUMENT',
    'foreign_key',
    async ({ db, outside }) => {
      await outside.query(`create table known (preimage text primary key);
        alter table earnings add foreign key (preimage) references known initially deferred`);
      await db.earnings.record(EARNING);
    },
  ],
  [
    'a trigger that quotes the row',
    'INVALID_ARGUMENT',
    'trigger',
    async ({ db, outside }) => {
      await outside.query(`${TRIGGER}'P0001')`);
      await db.earnings.record(EARNING);
    },
  ],
  [
    'a trigger with a code of its own',
    'SCHEMA_MISMATCH',
    undefined,
    async ({ db, outside }) => {
      await outside.query(`${TRIGGER}'PY001')`);
      await db.earnings.record(EARNING);
    },
  ],
  [
    'a NULL that a trigger writes',
    'SCHEMA_MISMATCH',
    undefined,
    async ({ db, outside }) => {
      await outside.query(`create function empty() returns trigger language plpgsql
          as $$ begin new.source := null; return new; end $$;
        create trigger empty before insert on earnings for each row execute function empty()`);
      await db.earnings.record(EARNING);
    },
  ],
  [
    'a known id',
    'ALREADY_EXISTS',
    undefined,
    async ({ db }) => {
      await db.earnings.record(EARNING);
      await db.earnings.record(EARNING);
    },
  ],
  [
    'a known id, on a shard of Citus',
    'ALREADY_EXISTS',
    undefined,
    async ({ db, outside }) => {
      await outside.query(
        'alter table earnings rename constraint earnings_pkey to earnings_pkey_102008',
      );
      await db.earnings.record(EARNING);
      await db.earnings.record(EARNING);
    },
  ],
  [
    'an unknown job, on a shard of Citus',
    'NOT_FOUND',
    undefined,
    async ({ db, outside }) => {
      await outside.query(
        'alter table earnings rename constraint earnings_job_id_fkey to earnings_job_id_fkey_102008',
      );
      await db.earnings.record({ ...EARNING, job_id: 'none' });
    },
  ],
  [
    'an unknown job',
    'NOT_FOUND',
    undefined,
    ({ db }) => db.earnings.record({ ...EARNING, job_id: 'none' }),
  ],
  [
    'a column that went away',
    'SCHEMA_MISMATCH',
    undefined,
    async ({ db, outside }) => {
      await outside.query('alter table earnings rename column preimage to secret');
      await db.earnings.record(EARNING);
    },
  ],
  [
    'a lock of another program',
    'BUSY',
    undefined,
    async ({ db, outside }) => {
      await outside.query('begin; lock table earnings');
      await db.earnings.record(EARNING);
    },
  ],
  [
    'a connection that is lost',
    'CONNECTION_LOST',
    undefined,
    async ({ db, outside }) => {
      await db.transaction(async (tx) => {
        await tx.earnings.record(EARNING);
        await outside.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()',
        );
        await tx.earnings.record({ ...EARNING, id: 'f' });
      });
    },
  ],
];

/** All that logs might print of a value. */
const shown = (value: unknown): string =>
  `${inspect(value, { depth: 9, showHidden: true, getters: true })} ${JSON.stringify(value)} ${value}`;

describeOnServer('no preimage is shown by an error, an event or an inspection', (own) => {
  it.each(FAILURES)('of %s', async (_, code, constraint, fail) => {
    const events: QueryEvent[] = [];
    const schema = await own.open({ busyTimeoutMs: 100, onQuery: (event) => events.push(event) });
    const error = await rejection(fail(schema));
    expect(error).toMatchObject({ code, ...(constraint === undefined ? {} : { constraint }) });
    expect(shown(error)).not.toContain(PREIMAGE);
    expect(shown(events)).not.toContain(PREIMAGE);
    expect(events.filter(({ error }) => error !== undefined)).not.toEqual([]);
  });

  it('of a migration that binds it', async () => {
    const events: QueryEvent[] = [];
    const open = PylonDb.open(await own.freshSchema(), {
      migrations,
      onQuery: (event) => events.push(event),
    });
    const error = await rejection(open);
    expect(error).toMatchObject({ code: 'MIGRATION_FAILED', migration: '002_service' });
    expect(shown([error, events])).not.toContain(PREIMAGE);
  });

  it('of a listener that throws what it is given', async () => {
    const warnings: unknown[] = [];
    const warned = (warning: unknown) => void warnings.push(warning);
    process.on('warning', warned);
    const schema = await own.open({
      onQuery({ error }) {
        if (error !== undefined) throw error;
      },
    });
    const error = await rejection(insert({ amount_msats: PREIMAGE })(schema));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', warned);
    expect(warnings).not.toEqual([]);
    expect(shown([error, warnings])).not.toContain(PREIMAGE);
  });
});

describeOnServer('a role that may not read a table', (own) => {
  it('names the table and the right, and does not say that the database can only be read', async () => {
    const { url, outside, db } = await own.open();
    await db.jobs.create({ id: 'j', kind: 1, customer_pubkey: 'c' });
    const [schema] = (await outside.query('select current_schema() as name')).rows;
    await outside.query(`drop role if exists blind; create role blind login;
      grant usage on schema ${schema.name} to blind;
      grant select on migrations, earnings to blind`);
    const blind = await opened(url.replace('postgres@', 'blind@'));
    expect(await blind.earnings.recent()).toEqual([]);
    for (const read of [
      () => blind.jobs.get('j'),
      () => blind.kysely.selectFrom('jobs').selectAll().execute(),
    ]) {
      const { message, hint } = await failureOf(read(), 'CANNOT_OPEN');
      expect(message).toContain('blind lacks SELECT on jobs: GRANT SELECT ON jobs TO blind');
      expect(hint).toContain('let the owner grant it');
    }
    await failureOf(blind.jobs.create({ id: 'k', kind: 1, customer_pubkey: 'c' }), 'READ_ONLY');
    await outside.query('revoke select on migrations from blind');
    const { message } = await failureOf(
      PylonDb.open(url.replace('postgres@', 'blind@')),
      'CANNOT_OPEN',
    );
    expect(message).toContain('blind lacks SELECT on migrations');
    await outside.query('drop owned by blind; drop role blind');
  });
});
