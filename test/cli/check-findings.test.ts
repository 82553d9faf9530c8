import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { writeByAnother } from '../file.js';
import { ALL_TIME, PAID_JOBS } from '../migrate/fresh-aggregate.js';
import { check, job, migratedFile } from './checked.js';
import { pylonDb } from './command.js';

/** A payment hash whose base64 and base64url differ. */
const HASH = createHash('sha256').update('a preimage 4').digest();

/** Everything that another program may have done, and the one finding that reports it. */
const FINDINGS: readonly (readonly [what: string, sql: string, finding: object])[] = [
  [
    'an earning of a job that is gone',
    "insert into earnings (id, job_id, amount_msats, source) values ('e', 'gone', 5, 'tip')",
    {
      check: 'foreign-keys',
      problem: '1 row of earnings whose parent in jobs is missing',
      rows: ['e'],
    },
  ],
  [
    'a tick of an agent that is gone',
    "insert into tick_history (id, agent_npub, tick_number) values (900, 'gone', 1)",
    { check: 'foreign-keys', rows: ['900'] },
  ],
  [
    "rows of another program's table without their parent",
    `create table invoices (id text primary key, job_id text references jobs (id));
     insert into invoices values ('i', 'gone'), ('k', 'gone too')`,
    { check: 'foreign-keys', rows: ['rowid 1', 'rowid 2'], count: 2 },
  ],
  [
    'a count of jobs that is off by one',
    "update pylon_db_job_totals set count = count + 1 where status = 'pending'",
    {
      check: 'rollups',
      rows: ['pylon_db_job_totals pending: says 26, the rows give 25'],
      repairable: true,
    },
  ],
  [
    'a total of earnings that is off by a msat',
    `update pylon_db_earning_hours set amount_low = amount_low - 1
     where hour = ${ALL_TIME} and source = 'tip'`,
    {
      check: 'rollups',
      count: 1,
      rows: [expect.stringContaining('pylon_db_earning_totals tip: ')],
    },
  ],
  [
    'a total whose halves are off and whose sum of halves is not',
    `update pylon_db_earning_hours set amount_high = amount_high + 1, amount_low = amount_low - 1
     where hour = ${ALL_TIME} and source = 'tip'`,
    { check: 'rollups', rows: [expect.stringContaining('tip: says 4295516616 msats')] },
  ],
  [
    'a rollup row that is gone',
    `delete from pylon_db_earning_hours where hour = ${PAID_JOBS}`,
    { check: 'rollups', rows: [expect.stringMatching(/^pylon_db_paid_jobs 1: says nothing, /)] },
  ],
  [
    'an hour of earnings that is off by one earning',
    `update pylon_db_earning_hours set count = count + 1
     where (hour, source) = (select hour, source from pylon_db_earning_hours limit 1)`,
    {
      check: 'rollups',
      count: 1,
      rows: [
        expect.stringMatching(
          /^pylon_db_earning_hours 20\d\d-\d\d-\d\dT\d\d:00 \w+: says \d+ msats in \d+, the rows give/,
        ),
      ],
      repairable: true,
    },
  ],
  [
    'a quarter of an hour of earnings that is off by a msat',
    `update pylon_db_earning_hours set amount_low_2 = amount_low_2 + 1
     where (hour, source) = (select hour, source from pylon_db_earning_hours limit 1)`,
    { check: 'rollups', count: 1, rows: [expect.stringContaining(', first two quarters: says ')] },
  ],
  [
    'an hour of earnings that is gone',
    'delete from pylon_db_earning_hours where hour = (select min(hour) from pylon_db_earning_hours)',
    { check: 'rollups', rows: [expect.stringContaining(': says 0 msats in 0, the rows give ')] },
  ],
  [
    'a rollup row of no status',
    "insert into pylon_db_job_totals values ('lost', 3)",
    { check: 'rollups', rows: [expect.stringContaining('pylon_db_job_totals lost: says 3')] },
  ],
  [
    'a rollup that is not an integer',
    "update pylon_db_job_totals set count = 'x' where status = 'failed'",
    { check: 'rollups', rows: [expect.stringContaining('failed: says what is not an integer')] },
  ],
  [
    "an earning of source job whose job isn't completed",
    `insert into jobs (id, kind, customer_pubkey, status, started_at) values ('j', 1, 'c', 'failed', 1700000000);
     insert into earnings (id, job_id, amount_msats, source) values ('e', 'j', 5, 'job'), ('f', 'j', 5, 'tip')`,
    { check: 'paid-jobs', severity: 'note', rows: ['e'], count: 1 },
  ],
  [
    'a payment that is counted three times',
    `insert into earnings (id, amount_msats, source, payment_hash, earned_at) values
       ('second', 5, 'tip', 'h', 1700000002), ('first', 5, 'tip', 'h', 1700000001), ('third', 6, 'other', 'h', 1700000003)`,
    { check: 'repeated-payments', rows: ['second', 'third'], count: 2 },
  ],
  [
    'a payment that is counted once per spelling of its hash',
    `insert into earnings (id, amount_msats, source, payment_hash, earned_at) values
       ('hex', 5, 'tip', '${HASH.toString('hex')}', 1700000002),
       ('upper', 5, 'tip', '${HASH.toString('hex').toUpperCase()}', 1700000001),
       ('base64', 5, 'tip', '${HASH.toString('base64')}', 1700000003),
       ('base64 again', 5, 'tip', '${HASH.toString('base64')}', 1700000004),
       ('newline', 5, 'tip', '${HASH.toString('hex')}' || char(10), 1700000005)`,
    { check: 'repeated-payments', rows: ['hex', 'base64', 'base64 again', 'newline'], count: 4 },
  ],
  [
    'two odd spellings of a payment, without ours',
    `insert into earnings (id, amount_msats, source, payment_hash, earned_at) values
       ('url', 5, 'tip', '${HASH.toString('base64url')}', 1700000001),
       ('upper', 5, 'tip', '${HASH.toString('hex').toUpperCase()}', 1700000002)`,
    { check: 'repeated-payments', rows: ['upper'], count: 1 },
  ],
  [
    'an nsec for an npub, without repeating it',
    "insert into agents (npub, name, lifecycle_state) values ('nsec1vl029mgpspedva04g', 'n', 'active')",
    { check: 'values', severity: 'note', rows: ['rowid 10'] },
  ],
  [
    'an agent that counts fewer ticks than it has',
    `insert into agents (npub, name, lifecycle_state, tick_count) values ('n', 'n', 'active', 1);
     insert into tick_history (agent_npub, tick_number) values ('n', 1), ('n', 2)`,
    { check: 'tick-counts', severity: 'note', rows: ['n'] },
  ],
  [
    'triggers of another program on published tables and on ours, and not on its own',
    `create table theirs (a);
     create trigger mine after insert on theirs begin select 1; end;
     create trigger "spy on jobs" before update on JOBS begin select 1; end;
     create trigger ledger after insert on migrations begin select 1; end;
     create trigger total after update on pylon_db_job_totals begin select 1; end`,
    {
      check: 'triggers',
      severity: 'note',
      problem: "3 triggers that are not pylon-db's, run by every program that writes the table",
      rows: ['spy on jobs on JOBS', 'ledger on migrations', 'total on pylon_db_job_totals'],
    },
  ],
  [
    'an index that is gone',
    'drop index pylon_db_jobs_status_created',
    { check: 'schema', rows: ['index pylon_db_jobs_status_created is missing'] },
  ],
  [
    'a trigger that is redefined',
    `drop trigger pylon_db_jobs_after_delete;
     create trigger pylon_db_jobs_after_delete after delete on jobs begin select 1; end`,
    { check: 'schema', rows: ['trigger pylon_db_jobs_after_delete is redefined'] },
  ],
];

describe('check finds', () => {
  it.each(FINDINGS)('%s', async (_, sql, finding) => {
    const { findings } = await check(await migratedFile(sql));
    expect(findings).toEqual([
      {
        severity: 'wrong',
        problem: expect.stringMatching(/^\d+ /),
        count: findings[0]?.rows.length,
        mend: expect.stringMatching(/\S/),
        repairable: ['rollups', 'schema'].includes(findings[0]?.check ?? ''),
        ...finding,
      },
    ]);
  });
});

describe('check minds no', () => {
  it.each([
    [
      'payment hash in upper case, and no texts that differ in case only',
      `insert into earnings (id, amount_msats, source, payment_hash) values
         ('e', 5, 'tip', '${HASH.toString('hex').toUpperCase()}'), ('f', 5, 'tip', 'Hash'),
         ('g', 5, 'tip', 'hash'), ('h', 5, 'tip', '${'X'.repeat(64)}'), ('i', 5, 'tip', '${'x'.repeat(64)}')`,
    ],
    ['tick_count above the number of ticks', 'delete from tick_history where tick_number < 5'],
    [
      'tip of a job that failed',
      `${job('status', "'failed'")}; insert into earnings (id, job_id, amount_msats, source) values ('e', 'j', 5, 'tip')`,
    ],
    [
      'earnings without a payment hash',
      "insert into earnings (id, amount_msats, source) values ('e', 5, 'tip'), ('f', 5, 'tip')",
    ],
    ['completed job without a time, which the original writes', job('status', "'completed'")],
    [
      'key of another program that SQLite itself can not check',
      'create table theirs (kind references jobs (kind)); insert into theirs values (99)',
    ],
    [
      "other program's tables and columns",
      "create table theirs (a real); insert into theirs values (1.5); alter table jobs add column priority real; insert into migrations (name) values ('002_invoices')",
    ],
  ])('%s', async (_, sql) => {
    const { findings, skipped } = await check(await migratedFile(sql));
    expect({ findings, skipped }).toEqual({ findings: [], skipped: [] });
  });
});

describe('what check prints', () => {
  it('is a block a finding: what, which rows, how to mend', async () => {
    const path = await migratedFile('update agents set balance_sats = -1');
    const { exitCode, stdout } = await pylonDb(['check', '--db', path]);
    expect(exitCode).toBe(0);
    const [facts, block, ...rest] = stdout.split('\n\n');
    expect(facts).toMatch(/^result +ok, 1 note, see below\n/);
    expect(rest).toEqual([]);
    expect(block?.split('\n').map((line) => line.replace(/npub\w+$/, 'npub'))).toEqual([
      'note: values: 8 rows of agents: balance_sats must be an integer from 0 to 9007199254740991, not a negative integer',
      ...Array.from({ length: 8 }, () => '  npub'),
      '  Fix: Look at the rows with `pylon-db query`, and correct them with the program that wrote them, or with the sqlite3 shell.',
      '',
    ]);
  });

  it('is one line on stderr as well, with --quiet too, so that cron mails it', async () => {
    const path = await migratedFile(
      `update pylon_db_job_totals set count = count + 1 where status = 'pending';
       insert into agents (npub, name, lifecycle_state, tick_count) values ('n', 'n', 'active', 1);
       insert into tick_history (agent_npub, tick_number) values ('n', 1), ('n', 2)`,
    );
    for (const more of [[], ['--quiet'], ['--quiet', '--json']]) {
      const { exitCode, stdout, stderr } = await pylonDb(['check', '--db', path, ...more]);
      expect([exitCode, stderr]).toEqual([
        4,
        `pylon-db: ${path}: rollups: 1 total not equal to what the rows give; note: tick-counts: 1 agent whose tick_count is below the number of ticks. \`pylon-db check\` shows the rows and what to do.\n`,
      ]);
      expect(stdout).toContain('pylon_db_job_totals pending');
    }
  });

  it('is advice that settles what was found', async () => {
    const path = await migratedFile(
      `insert into agents (npub, name, lifecycle_state, tick_count) values ('n', 'n', 'active', 1);
       insert into tick_history (agent_npub, tick_number) values ('n', 1), ('n', 2);
       ${job('status', "'pending'")};
       insert into earnings (id, job_id, amount_msats, source) values ('e', 'j', 5, 'job')`,
    );
    const { findings } = await check(path);
    const advice = findings.find((finding) => finding.check === 'tick-counts')?.mend ?? '';
    writeByAnother(path, /UPDATE .* WHERE npub = /.exec(advice)?.[0].concat("'n'") ?? '');
    await using db = await PylonDb.open(path);
    await db.jobs.complete('j', { price_msats: 5 });
    expect(await db.agents.get('n')).toMatchObject({ tick_count: 2 });
    expect((await check(path)).findings).toEqual([]);
  });

  it('obeys no key of a row: escapes are shown', async () => {
    const path = await migratedFile(
      "insert into earnings (id, amount_msats, source) values (char(27) || '[2J' || char(10) || 'x', -1, 'tip')",
    );
    const { stdout } = await pylonDb(['check', '--db', path]);
    expect(stdout).toContain('\n  \\x1b[2J\\nx\n');
    expect(stdout).not.toContain('\u001b');
    const { findings } = await check(path);
    expect(findings).toMatchObject([{ rows: ['\u001b[2J\nx'] }]);
  });

  it('has no preimage, whatever is wrong with the row', async () => {
    const path = await migratedFile(
      `insert into earnings (id, job_id, amount_msats, source, payment_hash, preimage) values
         ('e', 'gone', -1, 'job', 'h', 'SECRET-1'), ('f', 'gone', 0.5, 'odd', 'h', 'SECRET-2' || char(0)),
         ('g', null, 1, 'tip', '', x'5345435245542d33'), ('h', null, 1, 'tip', 1, 5)`,
    );
    for (const args of [[], ['--json'], ['--full', '--debug'], ['--repair', '--json']]) {
      const { exitCode, stdout, stderr } = await pylonDb(['check', '--db', path, ...args]);
      expect(exitCode).toBe(4);
      expect(stdout).toContain('preimage');
      expect(stdout + stderr).not.toMatch(/SECRET|5345435245542d33/);
    }
  });
});
