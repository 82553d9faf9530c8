import { PylonDbError } from '../../errors.js';
import type { MigrationList } from '../../migrate/migration.js';
import { type CopiedTable, DATA_TABLES } from '../../schema/tables.js';
import {
  type CopyDestination,
  type Described,
  type DescribedTable,
  type LedgerEntry,
  namesOf,
  type Others,
} from './sides.js';

/** Fills a destination with the tables of a plan. */
export type RunCopy<Result> = (
  destination: CopyDestination,
  plan: readonly CopiedTable[],
) => Promise<Result>;

/** What of a database is neither published nor our own. */
export function othersIn(described: Described): Others {
  const published = new Map(DATA_TABLES.map((table) => [table.name, table]));
  return {
    tables: [...described.keys()].filter((name) => !published.has(name)),
    columns: DATA_TABLES.flatMap(({ name, columns }) =>
      (described.get(name)?.columns ?? [])
        .filter((column) => !columns.some((known) => known.name === column.name))
        .map((column) => `${name}.${column.name}`),
    ),
  };
}

/**
 * All tables of the source with all their columns, parents before what refers to them. Throws
 * `NOT_SUPPORTED` for what the destination lacks or has of another type, and what can't be copied.
 */
export function planOf(source: Described, destination: Described): CopiedTable[] {
  refuseMissing(source, destination);
  const plan: CopiedTable[] = [];
  const seen = new Set<string>();
  const add = (name: string) => {
    const table = source.get(name);
    if (table === undefined || seen.has(name)) return;
    seen.add(name);
    for (const parent of table.references) add(parent);
    plan.push(tableOf(name, table, destination.get(name)));
  };
  for (const { name } of DATA_TABLES) add(name);
  for (const name of source.keys()) add(name);
  return plan;
}

function refuseMissing(source: Described, destination: Described): void {
  const { tables } = othersIn(source);
  const missing = {
    tables: tables.filter((name) => !destination.has(name)),
    columns: [...source].flatMap(([name, table]) => {
      const there = destination.get(name)?.columns ?? [];
      if (there.length === 0) return [];
      return table.columns
        .filter((column) => !there.some((other) => other.name === column.name))
        .map((column) => `${name}.${column.name}`);
    }),
  };
  const named = namesOf(missing);
  if (named === '') return;
  throw refused(
    `the migrations of the list don't make ${named}`,
    'Nothing was copied. Add the migrations that make them to the list of --migrations.',
  );
}

function tableOf(
  name: string,
  { columns, key, obstacle }: DescribedTable,
  there: DescribedTable | undefined,
): CopiedTable {
  const published = DATA_TABLES.find((table) => table.name === name);
  const why = obstacle ?? there?.obstacle;
  if (why !== undefined) throw refused(`${name} ${why}, whose rows can't be copied`);
  const own = columns.filter(
    (column) => !published?.columns.some((known) => known.name === column.name),
  );
  const copied = own.filter(({ isComputed }) => !isComputed);
  for (const { name: column, kind } of copied) {
    const other = there?.columns.find((known) => known.name === column)?.kind;
    if (other === kind) continue;
    throw refused(
      `${name}.${column} is of kind ${kind} in the source, ${other} in the destination`,
    );
  }
  return {
    key,
    ...published,
    name,
    columns: [
      ...(published?.columns ?? []),
      ...copied.map((column) => ({ name: column.name, kind: column.kind, isNullable: true })),
    ],
  };
}

function refused(
  problem: string,
  hint = 'Nothing was copied. Move it yourself, and copy the rest with --published-only.',
): PylonDbError<'NOT_SUPPORTED'> {
  return new PylonDbError('NOT_SUPPORTED', problem, {}, { hint });
}

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
