import type { SelectQueryBuilder } from 'kysely';
import type { DB } from '../../../generated/db.js';
import { lowerCaseHex } from '../../earnings/spelling.js';
import type { RowReader } from '../shell/row-reader.js';
import { counted } from '../shell/units.js';
import { type Finding, findingsOf, rowName, Tally } from './finding.js';

/** Payments of which the surplus earnings are looked up: each has one at least. */
const PAYMENTS_SHOWN = 10;

/** Hashes that one question names. */
const HASHES_ASKED = 500;

/** 32 bytes in the shortest spelling, base64. */
const SHORTEST = 43;

/**
 * Payments that are recorded, and so counted, more than once, however each is spelled. Memory grows
 * with odd spellings only.
 */
export async function checkPayments({ build, address, each }: RowReader): Promise<Finding[]> {
  const hashes = build
    .selectFrom('earnings')
    .select('payment_hash')
    .where('payment_hash', 'is not', null)
    .groupBy('payment_hash');
  let surplus = 0;
  // Text, unless another program stored something else.
  const repeated: unknown[] = [];
  const counts = hashes
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .having(({ fn }) => fn.countAll(), '>', 1);
  await each(counts, ({ payment_hash, count }) => {
    surplus += count - 1;
    if (repeated.length < PAYMENTS_SHOWN) repeated.push(payment_hash);
  });

  /** By the hash as we spell it, how it stands: odd spellings, and this one if it does. */
  const spellings = new Map<string, string[]>();
  await each(oddlySpelled(hashes), ({ payment_hash }) => {
    const hash = typeof payment_hash === 'string' ? lowerCaseHex(payment_hash) : undefined;
    if (hash === undefined || payment_hash === null) return;
    spellings.set(hash, [...(spellings.get(hash) ?? []), payment_hash]);
  });
  const asked = [...spellings.keys()];
  for (let i = 0; i < asked.length; i += HASHES_ASKED) {
    const some = asked.slice(i, i + HASHES_ASKED);
    await each(hashes.where('payment_hash', 'in', some), ({ payment_hash }) => {
      if (typeof payment_hash === 'string') spellings.get(payment_hash)?.push(payment_hash);
    });
  }
  for (const all of spellings.values()) surplus += all.length - 1;

  const tally = new Tally();
  for (const all of shown(repeated, spellings)) {
    // But for the first.
    const others = build
      .selectFrom('earnings')
      .select(['id', address().as('rowid')])
      .where('payment_hash', 'in', all as string[])
      .orderBy('earned_at')
      .orderBy('id')
      .limit(PAYMENTS_SHOWN)
      .offset(1);
    await each(others, ({ id, rowid }) => tally.add(rowName(id, rowid)));
  }
  return findingsOf(
    { count: surplus, rows: tally.rows },
    {
      check: 'repeated-payments',
      problem: `${counted(surplus, 'earning')} with the payment hash of an earlier one: counted twice`,
      mend: 'Compare each with the first of its payment_hash, in upper case and base64 too, and delete what is not a payment of its own.',
    },
  );
}

/** Hashes that may be spelled otherwise than we do, each once: as a rule there is none. */
function oddlySpelled<Row>(hashes: SelectQueryBuilder<DB, 'earnings', Row>) {
  return hashes.where(({ and, eb, fn, or, ref }) => {
    const length = fn<number>('length', ['payment_hash']);
    const inLowerCase = fn<string>('lower', ['payment_hash']);
    return and([
      eb(length, '>=', SHORTEST),
      or([eb(length, '<>', 64), eb(ref('payment_hash'), '<>', inLowerCase)]),
    ]);
  });
}

/** All spellings of each of the first payments that stand more than once. */
function shown(
  repeated: readonly unknown[],
  spellings: ReadonlyMap<string, readonly string[]>,
): Iterable<readonly unknown[]> {
  const found = new Map<unknown, readonly unknown[]>();
  for (const hash of repeated) {
    const key = (typeof hash === 'string' ? lowerCaseHex(hash) : undefined) ?? hash;
    found.set(key, (typeof key === 'string' ? spellings.get(key) : undefined) ?? [hash]);
  }
  for (const [key, all] of spellings) {
    if (found.size >= PAYMENTS_SHOWN) break;
    if (all.length > 1) found.set(key, all);
  }
  return found.values();
}
