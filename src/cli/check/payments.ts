import type { Compilable } from 'kysely';
import { lowerCaseHex } from '../../earnings/spelling.js';
import { counted } from '../shell/units.js';
import type { Finding } from './finding.js';
import type { Questions } from './row-check.js';

/** Payments of which the surplus earnings are looked up: each has one at least. */
const PAYMENTS_SHOWN = 10;

/** Hashes that one question names. */
const HASHES_ASKED = 500;

/** 32 bytes in the shortest spelling, base64. */
const SHORTEST = 43;

interface HashRow {
  /** Text, unless another program stored something else. */
  readonly payment_hash: unknown;
}

/** Hashes that are recorded, and so counted, more than once. */
export function repeatedHashes({
  build,
}: Questions): Compilable<HashRow & { readonly count: number }> {
  return build
    .selectFrom('earnings')
    .select(({ fn }) => ['payment_hash', fn.countAll<number>().as('count')])
    .where('payment_hash', 'is not', null)
    .groupBy('payment_hash')
    .having(({ fn }) => fn.countAll(), '>', 1);
}

/** Hashes that may be spelled otherwise than we do, each once: as a rule there is none. */
export function oddHashes({ build }: Questions): Compilable<HashRow> {
  return build
    .selectFrom('earnings')
    .select('payment_hash')
    .where('payment_hash', 'is not', null)
    .where(({ and, eb, fn, or, ref }) => {
      const length = fn<number>('length', ['payment_hash']);
      const inLowerCase = fn<string>('lower', ['payment_hash']);
      return and([
        eb(length, '>=', SHORTEST),
        or([eb(length, '<>', 64), eb(ref('payment_hash'), '<>', inLowerCase)]),
      ]);
    })
    .groupBy('payment_hash');
}

/** Which of some hashes stand as we spell them. */
export function standingHashes(
  { build }: Questions,
  hashes: readonly string[],
): Compilable<HashRow> {
  return build
    .selectFrom('earnings')
    .select('payment_hash')
    .where('payment_hash', 'in', hashes)
    .groupBy('payment_hash');
}

/** The earnings of a payment in all its spellings, but for the first. */
export function repeatsOf(
  { build, address }: Questions,
  spellings: readonly unknown[],
): Compilable<{ readonly id: string; readonly rowid: unknown }> {
  return build
    .selectFrom('earnings')
    .select(['id', address().as('rowid')])
    .where('payment_hash', 'in', spellings as string[])
    .orderBy('earned_at')
    .orderBy('id')
    .limit(PAYMENTS_SHOWN)
    .offset(1);
}

/**
 * Finds payments that are recorded more than once, however each is spelled. Given the rows of the
 * questions above, in their order; memory grows with odd spellings only.
 */
export class Payments {
  #surplus = 0;
  /** The first hashes that stand more than once as they are. */
  readonly #repeated: unknown[] = [];
  /** By the hash as we spell it, how it stands: odd spellings, and this one if it does. */
  readonly #spellings = new Map<string, string[]>();

  addRepeated({ payment_hash, count }: HashRow & { readonly count: number }): void {
    this.#surplus += count - 1;
    if (this.#repeated.length < PAYMENTS_SHOWN) this.#repeated.push(payment_hash);
  }

  addOdd({ payment_hash }: HashRow): void {
    if (typeof payment_hash !== 'string') return;
    const hash = lowerCaseHex(payment_hash);
    if (hash === undefined) return;
    const spellings = this.#spellings.get(hash);
    if (spellings === undefined) this.#spellings.set(hash, [payment_hash]);
    else spellings.push(payment_hash);
  }

  /** The hashes to ask {@link standingHashes} for. */
  *asked(): Iterable<readonly string[]> {
    const hashes = [...this.#spellings.keys()];
    for (let i = 0; i < hashes.length; i += HASHES_ASKED) yield hashes.slice(i, i + HASHES_ASKED);
  }

  addStanding({ payment_hash }: HashRow): void {
    if (typeof payment_hash === 'string') this.#spellings.get(payment_hash)?.push(payment_hash);
  }

  /** All spellings of each payment to ask {@link repeatsOf} for. */
  repeated(): readonly (readonly unknown[])[] {
    const shown = new Map<unknown, readonly unknown[]>();
    for (const hash of this.#repeated) {
      const key = (typeof hash === 'string' ? lowerCaseHex(hash) : undefined) ?? hash;
      shown.set(key, (typeof key === 'string' ? this.#spellings.get(key) : undefined) ?? [hash]);
    }
    for (const [key, spellings] of this.#spellings) {
      if (shown.size >= PAYMENTS_SHOWN) break;
      if (spellings.length > 1) shown.set(key, spellings);
    }
    return [...shown.values()];
  }

  /** What was found, of which the first `rows` are named. */
  findings(rows: readonly string[]): Finding[] {
    let surplus = this.#surplus;
    for (const spellings of this.#spellings.values()) surplus += spellings.length - 1;
    if (surplus === 0) return [];
    return [
      {
        check: 'repeated-payments',
        severity: 'wrong',
        problem: `${counted(surplus, 'earning')} with the payment hash of an earlier one: counted twice`,
        rows,
        count: surplus,
        mend: 'Compare each with the first of its payment_hash, in upper case and base64 too, and delete what is not a payment of its own.',
        repairable: false,
      },
    ];
  }
}
