import { isDeepStrictEqual } from 'node:util';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { OWN_OBJECTS } from '../../generated/own-objects.js';
import { migrations } from '../../migrations/index.js';
import { Migrator } from '../../src/migrate/migrator.js';
import { allowAnyValue, earningWriteAt, TIMES, tryToWrite } from './foreign-writes.js';
import { freshTotals, rollupTotals } from './fresh-aggregate.js';

/** One walk for all: whether it meets a mutant is then no matter of luck. */
const SEED = 7;

const WALK = fc.sample(earningWriteAt(TIMES), { numRuns: 4000, seed: SEED });

/** What a walk over few keys hardly meets: the rowid of a replaced row is free, and taken again. */
const RARE = [
  'delete from earnings',
  "insert into earnings (rowid, id, amount_msats, source) values (1, 'a', 3, 'tip'), (2, 'b', 5, 'job')",
  "update or replace earnings set id = 'b' where id = 'a'",
  "insert into earnings (rowid, id, amount_msats, source) values (2, 'c', 7, 'job')",
  "insert or ignore into earnings (rowid, id, amount_msats, source) values (3, 'c', 9, 'job')",
  "insert into earnings (id, amount_msats, source) values ('c', 9, 'job') on conflict (id) do update set amount_msats = 11",
];

let migrated: Buffer;

beforeAll(async () => {
  const db = new Database(':memory:');
  await new Migrator({ db, path: '', list: migrations, busyTimeoutMs: 0, operation: 'test' }).up();
  migrated = db.serialize();
  db.close();
});

const TRIGGERS = OWN_OBJECTS.filter(
  ({ type, table }) => type === 'trigger' && table === 'earnings',
);

/** One trigger of ours that is not as it should be. */
type Mutant = readonly [what: string, trigger: string, sql: string];

/** Each statement of each trigger left out. */
const WITHOUT: readonly Mutant[] = TRIGGERS.flatMap(({ name, sql }) => {
  const [head = '', body = ''] = sql.split(/\bbegin\b/);
  const statements = body.split(';').slice(0, -1);
  return statements.map((statement, i): Mutant => {
    const others = statements.filter((_, n) => n !== i).join(';') || 'select 1';
    return [
      `${name} without «${statement.trim().slice(0, 60)}»`,
      name,
      `${head}begin ${others}; end`,
    ];
  });
});

/** Each of these changed wherever it stands in one trigger. */
const CHANGES: readonly (readonly [from: string, to: string])[] = [
  ['% 3600 < 900)', '% 3600 <= 900)'],
  ['% 3600 < 1800)', '% 3600 <= 1800)'],
  ['% 3600 < 2700)', '% 3600 < 2699)'],
  ['+ 9007199254742400)', '+ 0)'],
  ['% 3600 < 0)', '% 3600 > 0)'],
  ['>> 32)', '>> 31)'],
  ['& 4294967295)', '& 2147483647)'],
  ["in ('job', 'tip', 'other')", "in ('job', 'tip')"],
  [
    'between -9007199254740991 and 9007199254740991',
    'between -9007199254740992 and 9007199254740992',
  ],
  ["when 'real' then", "when 'blob' then"],
  ['2562047788015216', '0'],
  ['9223372036854775807', '9223372036854775805'],
  ['amount_high_3 + excluded.amount_high_3', 'amount_high_3'],
  ['count_1 + excluded.count_1', 'excluded.count_1'],
  ['s.row_id = new.rowid', 'false'],
];

const CHANGED: readonly Mutant[] = TRIGGERS.flatMap(({ name, sql }) =>
  CHANGES.filter(([from]) => sql.includes(from)).map(
    ([from, to]): Mutant => [`${name} with «${to}» for «${from}»`, name, sql.replaceAll(from, to)],
  ),
);

it.each([...WITHOUT, ...CHANGED])('a walk of writes notices %s', (_, trigger, sql) => {
  const db = new Database(migrated);
  allowAnyValue(db);
  db.exec(`drop trigger ${trigger}; ${sql}`);
  try {
    expect([...RARE, ...WALK].some((write) => goesWrong(db, write))).toBe(true);
  } finally {
    db.close();
  }
});

it('the same walk finds nothing wrong with our triggers', () => {
  const db = new Database(migrated);
  allowAnyValue(db);
  try {
    expect([...RARE, ...WALK].filter((write) => goesWrong(db, write))).toEqual([]);
  } finally {
    db.close();
  }
});

/** Whether totals and rows differ after a write, or what keeps the totals keeps it from being stored. */
function goesWrong(db: Database.Database, write: string): boolean {
  try {
    tryToWrite(db, write);
    return !isDeepStrictEqual(rollupTotals(db), freshTotals(db));
  } catch {
    return true;
  }
}
