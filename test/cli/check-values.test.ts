import { describe, expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { check, job, migratedFile } from './checked.js';
import { publishedFile } from './command.js';

/** One bad value, and what is said of it. */
const VALUES: readonly (readonly [what: string, sql: string, problem: string, row: string])[] = [
  ['a fraction', job('price_msats', '1.5'), 'price_msats must be an integer from 0', 'j'],
  ['text for a number', job('kind', "'12abc'"), 'kind must be an integer from 0 to 65535', 'j'],
  ['a negative price', job('price_msats', '-1'), 'not a negative integer', 'j'],
  ['a kind of 17 bits', job('kind', '65536'), 'not another integer', 'j'],
  ['2^53', job('price_msats', '9007199254740992'), 'not an integer beyond 2^53-1', 'j'],
  ['a BLOB', job('error_message', "x'00'"), 'error_message is a BLOB', 'j'],
  ['a NUL in a text', job('error_message', "'a' || char(0)"), 'without NUL characters', 'j'],
  ['an empty key', job('id', "''"), 'id must be text that is not empty', 'rowid 201'],
  ['a NULL key', job('id', 'null'), 'id must be well-formed text', 'rowid 201'],
  ['milliseconds for seconds', job('started_at', String(Date.now())), 'not milliseconds', 'j'],
  ['a time before 1970', job('started_at', '-5'), 'started_at must be an integer', 'j'],
  [
    'a negative amount',
    "insert into earnings (id, amount_msats, source) values ('e', -5, 'tip')",
    'amount_msats must be an integer from 0',
    'e',
  ],
  [
    'JSON that does not parse',
    "insert into agents (npub, name, lifecycle_state, goals_json) values ('n', '', 'active', '{')",
    'goals_json must be text that parses as JSON',
    'n',
  ],
  [
    'a tick with broken actions',
    `update agents set tick_count = 1000;
     insert into tick_history (id, agent_npub, tick_number, actions_json)
     select 900, npub, 900, '[''x'']' from agents limit 1`,
    'actions_json must be text that parses as JSON',
    '900',
  ],
  [
    'a tick without a whole number',
    `update agents set tick_count = 1000;
     insert into tick_history (id, agent_npub, tick_number) select 900, npub, 0.5 from agents limit 1`,
    'tick_number must be an integer',
    '900',
  ],
  [
    'a tick before 1970',
    `update agents set tick_count = 1000;
     insert into tick_history (id, agent_npub, tick_number, created_at)
     select 900, npub, 900, -1 from agents limit 1`,
    'created_at must be an integer',
    '900',
  ],
  [
    'a ledger row without a time',
    "insert into migrations (name, applied_at) values ('002_invoices', 'today')",
    'applied_at must be an integer',
    '002_invoices',
  ],
];

describe('check finds', () => {
  it.each(VALUES)('%s', async (_, sql, problem, row) => {
    const { findings } = await check(await migratedFile(sql));
    expect(findings).toMatchObject([{ check: 'values', rows: [row], count: 1 }]);
    expect(findings[0]?.problem).toContain(problem);
  });

  it.each([
    ['at 1970', 86_400, 'with times before 2009: a clock was wrong'],
    [
      'that is years ahead',
      Math.floor(Date.now() / 1000) + 3 * 365 * 86_400,
      'with times later than now: a clock was wrong, or still is',
    ],
  ])('one wrong clock, %s, as one note whatever it stamped', async (_, at, problem) => {
    const { findings } = await check(
      await migratedFile(
        `insert into jobs (id, kind, customer_pubkey, status, started_at, completed_at, created_at)
           values ('j', 1, 'c', 'completed', ${at}, ${at}, ${at});
         insert into earnings (id, amount_msats, source, earned_at) values ('e', 1, 'tip', ${at});
         update agents set last_tick_at = ${at} where npub = (select min(npub) from agents)`,
      ),
    );
    expect(findings).toEqual([
      expect.objectContaining({
        check: 'values',
        severity: 'note',
        problem: `3 rows ${problem}`,
        rows: [
          'jobs j: created_at, started_at, completed_at',
          'earnings e: earned_at',
          expect.stringMatching(/^agents npub.*: last_tick_at$/),
        ],
        count: 3,
      }),
    ]);
  });

  it('an unknown status, as a value and not as damage', async () => {
    const { findings } = await check(await migratedFile(job('status', "'lost'")));
    expect(findings).toMatchObject([
      {
        check: 'values',
        severity: 'wrong',
        problem: expect.stringContaining('status must be one of pending, processing'),
        rows: ['j'],
      },
    ]);
  });

  it('amounts that stood there before the rollups, which count them as invalid', async () => {
    const path = publishedFile(temporaryFolder());
    writeByAnother(
      path,
      "insert into earnings (id, amount_msats, source) values ('e', 1.5, 'tip'), ('f', '12abc', 'tip')",
    );
    await (await PylonDb.open(path)).close();
    const { findings } = await check(path);
    expect(findings.map(({ check, rows }) => [check, ...rows])).toEqual([
      ['values', 'e'],
      ['values', 'f'],
    ]);
  });

  it('every bad column of a row', async () => {
    const path = await migratedFile(job('id', "''"));
    writeByAnother(
      path,
      "update jobs set kind = -1, price_msats = 0.5, customer_pubkey = x'' where id = ''",
    );
    const { findings } = await check(path);
    expect(findings.map(({ problem }) => /jobs: (\w+)/.exec(problem)?.[1]).toSorted()).toEqual([
      'customer_pubkey',
      'id',
      'kind',
      'price_msats',
    ]);
  });

  it('many bad rows, and names the first ten', async () => {
    const { findings } = await check(
      await migratedFile(
        `with recursive c (i) as (select 1 union all select i + 1 from c where i < 3000)
         insert into earnings (id, amount_msats, source) select 'e' || i, -1, 'tip' from c`,
      ),
    );
    expect(findings).toMatchObject([{ check: 'values', count: 3000 }]);
    expect(findings[0]?.rows).toEqual(Array.from({ length: 10 }, (_, i) => `e${i + 1}`));
  });
});
