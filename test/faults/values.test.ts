import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isPylonDbError, PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { literals, PUBLISHED_TABLES, stored, testFile } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { fuzzSeed, Random } from './random.js';
import { reported } from './table.js';
import { type Input, WRITING_CALLS, type WritingCall } from './values-calls.js';
import { BOUNDARIES, randomValue } from './values-kinds.js';
import { inWords, Trial, WAYS } from './values-trial.js';

// More: PYLON_FUZZ_VALUES=500000 PYLON_FUZZ_SEED=1 npx vitest run test/faults/values.test.ts

const SEED = fuzzSeed();
const FUZZED = Number(process.env['PYLON_FUZZ_VALUES'] ?? 12_000);

const FIELDS = WRITING_CALLS.flatMap((call) =>
  Object.keys(call.fields).map((field) => ({ call, field })),
);

describe('every field of every call that writes', () => {
  it(`stores exactly, or refuses by name, each of ${BOUNDARIES.length} boundary values`, async () => {
    const trial = await Trial.start();
    let tried = 0;
    for (const { call, field } of FIELDS) {
      for (const value of BOUNDARIES) {
        const way = WAYS[tried % WAYS.length] ?? 'alone';
        const label = `${call.name} ${way} with ${field} = ${inWords(value)}`;
        await trial.run(call, { [field]: value }, way, label);
        tried += 1;
      }
    }
    reported('boundary values', {
      tried: `${tried} in ${FIELDS.length} fields of ${WRITING_CALLS.length} calls`,
      figure: `${trial.counts.stored} stored exactly, ${trial.counts.refused} refused, 0 silent changes`,
    });
  });

  it(`does so with ${FUZZED} random values (seed ${SEED})`, async () => {
    const trial = await Trial.start();
    const random = new Random(SEED);
    let tried = 0;
    let calls = 0;
    while (tried < FUZZED) {
      const call = random.pick(WRITING_CALLS);
      const way = random.pick(WAYS);
      const changed = randomInput(random, call.fields);
      const shown = Object.entries(changed).map(([field, value]) => `${field} = ${inWords(value)}`);
      const label = `seed ${SEED}, value ${tried}: ${call.name} ${way} with ${shown.join(', ')}`;
      await trial.run(call, changed, way, label);
      tried += shown.length;
      calls += 1;
    }
    expect(trial.counts.stored).toBeGreaterThan(calls / 10);
    reported('fuzzed values', {
      tried: `${tried} in ${calls} calls, seed ${SEED}`,
      figure: `${trial.counts.stored} stored exactly, ${trial.counts.refused} refused, 0 silent changes`,
    });
  });

  it('takes 10 MB of text as it is', async () => {
    const trial = await Trial.start();
    const long = 'aé日🗝'.repeat(1_000_000);
    const texts = FIELDS.filter(({ call, field }) => /text|key/.test(call.fields[field] ?? ''));
    for (const { call, field } of texts) {
      await trial.run(call, { [field]: long }, 'alone', `${call.name} with 10 MB as ${field}`);
    }
    reported('10 MB texts', {
      tried: `${texts.length} fields`,
      figure: `${trial.counts.stored} stored exactly, ${trial.counts.refused} unknown ids`,
    });
  });
});

/** Random values for one to three fields. */
function randomInput(random: Random, fields: WritingCall['fields']): Input {
  return Object.fromEntries(
    random.list(1 + random.int(3), () => {
      const [field, kind] = random.pick(Object.entries(fields));
      return [field, randomValue(random, kind)] as const;
    }),
  );
}

describe('fields that hide from an enumeration', () => {
  class Row {
    readonly id = 'hidden';
    readonly kind = 1;
    readonly customer_pubkey = 'c';
    get created_at() {
      return 1.5;
    }
  }

  it('are checked like others', async () => {
    const { db, path } = await testFile();
    const error = await failureOf(db.jobs.create(new Row()), 'INVALID_ARGUMENT');
    expect(error.field).toBe('created_at');
    expect(stored(path, 'select * from jobs')).toEqual([]);
  });
});

describe('a clock', () => {
  it.each([
    -1,
    1.5,
    Number.NaN,
    253_402_300_800,
    2 ** 53,
    '7' as never,
    undefined as never,
    7n as never,
  ])('that says %s is refused before anything is stored', async (now) => {
    const { db, path } = await testFile({ clock: () => now });
    const calls = [
      () => db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'c' }),
      () => db.agents.upsert({ npub: 'a', name: '', lifecycle_state: 'active' }),
      () => db.earnings.record({ id: 'e', amount_msats: 1, source: 'tip' }),
    ];
    for (const call of calls) {
      expect((await failureOf(call(), 'INVALID_ARGUMENT')).field).toBe('clock');
    }
    expect(Object.values(literals(path, ...PUBLISHED_TABLES)).flat()).toEqual([]);
  });

  it.each([0, 253_402_300_799])('that says %i is stored exactly', async (now) => {
    const { db, path } = await testFile({ clock: () => now });
    await db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'c' });
    const kinds = 'select typeof(created_at) as type, cast(created_at as text) as value from jobs';
    expect(stored(path, kinds)).toEqual([{ type: 'integer', value: String(now) }]);
  });
});

/** Each option with what it takes; all other boundary values must be refused by its name. */
const OPTIONS: Readonly<Record<string, (value: unknown) => boolean>> = {
  readonly: (value) => typeof value === 'boolean',
  migrate: (value) => typeof value === 'boolean',
  durability: (value) => value === 'normal' || value === 'full',
  busyTimeoutMs: isTimer(0),
  clock: (value) => typeof value === 'function',
  onQuery: (value) => typeof value === 'function',
  migrations: (value) => typeof value === 'object' && value !== null,
  unknown: () => false,
};

function isTimer(least: number) {
  return (value: unknown) =>
    typeof value === 'number' &&
    Number.isInteger(value) &&
    value >= least &&
    value <= 2_147_483_647;
}

describe('options', () => {
  it.each(Object.entries(OPTIONS))('%s is refused by its name', async (option, takes) => {
    const path = join(temporaryFolder(), 'pylon.db');
    for (const value of BOUNDARIES.filter((v) => v !== undefined && !takes(v))) {
      const options: object = { [option]: value };
      const error = await PylonDb.open(path, options).catch((reason: unknown) => reason);
      if (!isPylonDbError(error, 'INVALID_ARGUMENT')) {
        throw new Error(`${option} = ${inWords(value)} was taken`, { cause: error });
      }
      expect(error.field.split('.')[0]).toBe(option);
    }
    expect(existsSync(path)).toBe(false);
  });

  it('of a transaction are refused before its callback runs', async () => {
    const { db } = await testFile();
    let runs = 0;
    const bad = BOUNDARIES.filter((value) => value !== undefined && !isTimer(1)(value));
    for (const value of bad) {
      const options: object = { timeoutMs: value };
      const call = db.transaction(async () => {
        runs += 1;
      }, options);
      expect((await failureOf(call, 'INVALID_ARGUMENT')).field).toBe('timeoutMs');
    }
    expect(runs).toBe(0);
  });
});
