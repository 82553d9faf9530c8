import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ErrorCode, PylonDb, type QueryEvent } from '../../src/index.js';
import { pylonDb } from '../cli/command.js';
import { rejection } from '../engine/failure.js';
import { type TestFile, testFile, writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { reported } from './table.js';
import { leaveRoom } from './writer.js';

const PREIMAGE = 'b7a3f00dcafe5eed';
const PAYMENT = { price_msats: 5, payment_hash: 'h', preimage: PREIMAGE };
const EARNING = { id: 'e', amount_msats: 5, source: 'tip', preimage: PREIMAGE } as const;

/** Each fails with its code, with the preimage among what it was given or found. */
const FAILURES: readonly (readonly [ErrorCode, string, (file: TestFile) => Promise<unknown>])[] = [
  [
    'INVALID_ARGUMENT',
    'a bad preimage',
    ({ db }) => db.earnings.record({ ...EARNING, preimage: `${PREIMAGE}\0` }),
  ],
  [
    'INVALID_ARGUMENT',
    'a preimage in every other field',
    ({ db }) => db.earnings.record({ ...EARNING, source: PREIMAGE as never }),
  ],
  [
    'INVALID_ARGUMENT',
    'a preimage as a list',
    ({ db }) => db.earnings.record({ ...EARNING, preimage: [PREIMAGE] as never }),
  ],
  [
    'INVALID_ARGUMENT',
    'a preimage in JSON that is none',
    ({ db }) =>
      db.agents.upsert({
        npub: 'a',
        name: '',
        lifecycle_state: 'active',
        memory_json: `{"${PREIMAGE}`,
      }),
  ],
  [
    'INVALID_ARGUMENT',
    'a CHECK',
    ({ db }) =>
      db.kysely
        .insertInto('earnings')
        .values({ ...EARNING, source: 'gift' as never })
        .execute(),
  ],
  [
    'INVALID_ARGUMENT',
    'a foreign unique index',
    async ({ db, path }) => {
      writeByAnother(path, 'create unique index once on earnings (preimage)');
      await db.earnings.record(EARNING);
      await db.earnings.record({ ...EARNING, id: 'again' });
    },
  ],
  [
    'INVALID_ARGUMENT',
    'a parameter that no column takes',
    ({ db }) => sql`select ${{ preimage: PREIMAGE }}`.execute(db.kysely),
  ],
  ['NOT_FOUND', 'an unknown job', ({ db }) => db.jobs.completeWithPayment('none', PAYMENT)],
  [
    'ALREADY_EXISTS',
    'a known id',
    async ({ db }) => {
      await db.earnings.record(EARNING);
      await db.earnings.record(EARNING);
    },
  ],
  ['ILLEGAL_TRANSITION', 'a final job', ({ db }) => db.jobs.completeWithPayment('done', PAYMENT)],
  [
    'DUPLICATE_PAYMENT',
    'a payment of another job',
    async ({ db }) => {
      await db.jobs.completeWithPayment('a', PAYMENT);
      await db.jobs.completeWithPayment('b', PAYMENT);
    },
  ],
  [
    'OUT_OF_RANGE',
    'a sum beyond 2^53-1',
    async ({ db }) => {
      await db.earnings.record({ ...EARNING, amount_msats: 2 ** 53 - 1 });
      await db.earnings.record({ ...EARNING, id: 'f' });
      await db.earnings.total();
    },
  ],
  [
    'CORRUPT_ROW',
    'a preimage where a number belongs',
    async ({ db, path }) => {
      await db.earnings.record(EARNING);
      writeByAnother(path, 'update earnings set amount_msats = preimage');
      await db.earnings.get('e');
    },
  ],
  [
    'BUSY',
    'a lock of another program',
    async ({ open, db }) => {
      const other = await open({ busyTimeoutMs: 20 });
      await db.transaction(async () => await other.earnings.record(EARNING));
    },
  ],
  [
    'TIMEOUT',
    'a transaction that takes too long',
    ({ db }) =>
      db.transaction(
        async (tx) => {
          await tx.earnings.record(EARNING);
          await new Promise((resolve) => setTimeout(resolve, 5000).unref());
        },
        { timeoutMs: 20 },
      ),
  ],
  [
    'TRANSACTION_ENDED',
    'a call after its transaction',
    async ({ db }) => {
      const tx = await db.transaction(async (open) => open);
      await tx.earnings.record(EARNING);
    },
  ],
  [
    'OUTER_HANDLE_IN_TRANSACTION',
    'the outer handle',
    ({ db }) => db.transaction(async () => await db.earnings.record(EARNING)),
  ],
  [
    'ABORTED',
    'a transaction that SQLite rolled back',
    async ({ db, path }) => {
      writeByAnother(
        path,
        "create trigger t before insert on earnings begin select raise(rollback, 'no'); end",
      );
      await db.transaction(async (tx) => {
        await tx.earnings.record(EARNING).catch(() => undefined);
        await tx.earnings.record(EARNING);
      });
    },
  ],
  [
    'DISK_FULL',
    'no room',
    async ({ db }) => {
      leaveRoom(db, 0);
      for (let i = 0; i < 500; i++) {
        await db.earnings.record({ ...EARNING, id: `e${i}`, preimage: PREIMAGE.repeat(500) });
      }
    },
  ],
  [
    'READ_ONLY',
    'a reader that writes',
    async ({ open }) => (await open({ readonly: true })).earnings.record(EARNING),
  ],
  [
    'CLOSED',
    'a closed database',
    async ({ db }) => {
      await db.close();
      await db.earnings.record(EARNING);
    },
  ],
  [
    'SCHEMA_MISMATCH',
    'a table that went away',
    async ({ db, path }) => {
      writeByAnother(path, 'alter table earnings rename column preimage to secret');
      await db.earnings.record(EARNING);
    },
  ],
  [
    'NOT_A_DATABASE',
    'a file of secrets',
    async () => {
      const path = join(temporaryFolder(), 'pylon.db');
      writeFileSync(path, PREIMAGE.repeat(1000));
      await PylonDb.open(path);
    },
  ],
  ['NOT_SUPPORTED', 'a BEGIN', ({ db }) => sql`begin /* */`.execute(db.kysely)],
  [
    'MIGRATION_FAILED',
    'a migration that binds a preimage',
    async ({ open }) => {
      await open({
        migrations: {
          '002_service': async () => ({
            async up({ context }) {
              await sql`insert into earnings (id, preimage) values (1, ${PREIMAGE})`.execute(
                context,
              );
            },
          }),
        },
      });
    },
  ],
];

const shown = (value: unknown): string =>
  `${inspect(value, { depth: null, showHidden: true, getters: true })} ${JSON.stringify(value)} ${value}`;

describe('a preimage is shown by no error, event, warning or inspection', () => {
  it.each(FAILURES)('%s: %s', async (code, _, fail) => {
    const events: QueryEvent[] = [];
    const warnings: unknown[] = [];
    const warned = (warning: unknown) => void warnings.push(warning);
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const file = await testFile({
      onQuery(event) {
        events.push(event);
        if (event.error !== undefined) throw event.error;
      },
    });
    for (const id of ['a', 'b', 'done']) {
      await file.db.jobs.create({ id, kind: 1, customer_pubkey: 'c' });
    }
    await file.db.jobs.cancel('done');

    const error = await rejection(fail(file));
    expect(error).toMatchObject({ code });
    await new Promise((resolve) => setImmediate(resolve));
    for (const reported of [error, events, warnings, file.db]) {
      expect(shown(reported)).not.toContain(PREIMAGE);
    }
  });

  it('nor by the command line, which prints none unless it is asked for it', async () => {
    const { db, path } = await testFile();
    await db.earnings.record({ ...EARNING, payment_hash: 'h' });
    writeByAnother(
      path,
      `insert into earnings (id, amount_msats, source, preimage)
       values ('bad', '${PREIMAGE}', 'tip', '${PREIMAGE}')`,
    );
    const folder = temporaryFolder();
    const commands = [
      ...[
        ['earnings'],
        ['earnings', '--by', 'day'],
        ['info'],
        ['jobs'],
        ['agents'],
        ['ticks', 'a'],
      ],
      ...[['check'], ['vacuum'], ['migrate', 'status'], ['migrate', 'verify']],
      ...[
        ['export', 'jobs'],
        ['export', 'earnings', '--out', join(folder, 'earnings.csv')],
      ],
      ['query', 'select json(preimage) from earnings'],
      ['query', 'select 1 where :other = 1', '--param', `hash=${PREIMAGE}`],
      ...[
        ['backup', join(folder, 'copy.db')],
        ['restore', join(folder, 'copy.db')],
      ],
    ];
    for (const args of commands) {
      for (const format of [['--json'], ['--debug'], ['--json', '--debug']]) {
        const outcome = await pylonDb([...args, ...format, '--db', path]);
        expect(outcome.stdout + outcome.stderr, args.join(' ')).not.toContain(PREIMAGE);
      }
    }
    const codes = new Set(FAILURES.map(([code]) => code));
    reported('secrets', {
      tried: `${FAILURES.length} failures of ${codes.size} codes, ${commands.length * 3} commands`,
      figure: 'the preimage in 0 errors, events, warnings, inspections',
    });
  });
});
