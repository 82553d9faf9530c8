import type { MigrationList } from '../../migrate/migration.js';
import type { LedgerEntry } from './sides.js';

/**
 * What the destination's ledger is to say of the migrations of `list`: what the source says of those
 * that it has, ids too unless another program's row has one, and its own of the others.
 */
export function ledgerLike(
  source: readonly LedgerEntry[],
  own: readonly LedgerEntry[],
  list: MigrationList,
): LedgerEntry[] {
  const isOurs = ({ name }: LedgerEntry) => Object.hasOwn(list, name);
  const others = new Set(own.filter((entry) => !isOurs(entry)).map(({ id }) => id));
  const known = source.filter(isOurs);
  const keepsIds = known.some(({ id }) => others.has(id));
  const taken = new Set([...others, ...known.map(({ id }) => id)]);
  return own.filter(isOurs).map((entry) => {
    const original = known.find(({ name }) => name === entry.name);
    if (original !== undefined) return keepsIds ? { ...original, id: entry.id } : original;
    if (keepsIds) return entry;
    const id = taken.has(entry.id) ? nextFree(taken) : entry.id;
    taken.add(id);
    return { ...entry, id };
  });
}

function nextFree(taken: ReadonlySet<string>): string {
  let highest = 0n;
  for (const id of taken) if (BigInt(id) > highest) highest = BigInt(id);
  return String(highest + 1n);
}
