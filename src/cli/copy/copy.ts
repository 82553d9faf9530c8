import { migrations } from '../../../migrations/index.js';
import type { OnProgress } from '../../backup/progress.js';
import { PylonDbError } from '../../errors.js';
import type { MigrationList } from '../../migrate/migration.js';
import type { DatabasePlace } from '../../named-database.js';
import { type CopiedTable, DATA_TABLES } from '../../schema/tables.js';
import { ledgerLike, othersIn, type RunCopy } from './plan.js';
import { type CopiedRow, copyLine, type LinedRow, notCopied } from './row.js';
import {
  type CopyDestination,
  type CopyRequest,
  type CopySource,
  type LeftBehind,
  refuseLeftBehind,
  UnstorableRow,
} from './sides.js';
import { TableDigest, type TableSum } from './table-digest.js';

/** What a copy did. */
export interface CopyReport {
  /** What was compared on both sides, by table. */
  readonly tables: Readonly<Record<string, TableSum>>;
  readonly leftBehind: LeftBehind;
}

/** What is copied, and who watches. */
export interface CopyProps {
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
  /** Leaves behind what is not published; otherwise that is taken along, or refused. */
  readonly publishedOnly: boolean;
  /** Ours and those of the service. What these make is taken along. */
  readonly list: MigrationList;
}

/**
 * Copies the published tables of one state of `from` to `to`, all or nothing: the destination is
 * migrated, and must have no rows. What is stored is read back and compared before it is committed.
 * Throws `NOT_SUPPORTED`, before the destination is touched, for a source with more than is published,
 * unless `publishedOnly`; `INVALID_ARGUMENT` for a destination with rows, `CORRUPT_ROW` for a row that can't be
 * stored there, `CORRUPT` for a difference, `ABORTED` when `signal` fired, and what opening throws.
 */
export async function copyDatabase(
  from: DatabasePlace,
  to: DatabasePlace,
  watch: CopyProps,
): Promise<CopyReport> {
  const copy = async (source: CopySource) => {
    const { request, leftBehind } = await requestOf(source, watch);
    const tables = await withDestination(to, request, watch.signal, (destination, plan) =>
      copyAll(source, destination, { ...watch, list: request.list, plan }),
    );
    return { tables, leftBehind };
  };
  try {
    if (from.serverUrl === undefined) {
      const { withFileSource } = await import('./file-source.js');
      return await withFileSource(from.path, watch.list, copy);
    }
    const { withServerSource } = await import('./server-source.js');
    return await withServerSource(from.serverUrl, watch.list, copy);
  } catch (error) {
    // The server calls it a cancelled query.
    if (watch.signal.aborted && !isUnknownCommit(error)) throw stopped();
    throw error;
  }
}

/** What is asked of the destination, and what stays behind. Throws `NOT_SUPPORTED`. */
async function requestOf(
  source: CopySource,
  { list, publishedOnly }: CopyProps,
): Promise<{ request: CopyRequest; leftBehind: LeftBehind }> {
  const described = await source.describe();
  const applied = (await source.ledger()).map(({ name }) => name);
  const isListed = (name: string) => Object.hasOwn(publishedOnly ? migrations : list, name);
  const takesAlong = list !== migrations && !publishedOnly;
  const leftBehind = {
    ...(takesAlong ? { tables: [], columns: [] } : othersIn(described)),
    migrations: applied.filter((name) => !isListed(name)),
  };
  if (!publishedOnly) refuseLeftBehind(leftBehind);
  // What is pending in the source stays pending in its copy.
  const names = applied.filter((name) => isListed(name) && !Object.hasOwn(migrations, name));
  const own = Object.entries(list).filter(([name]) => names.includes(name));
  const request = {
    source: takesAlong ? described : undefined,
    list: { ...migrations, ...Object.fromEntries(own) },
  };
  return { request, leftBehind };
}

async function withDestination(
  { path, serverUrl }: DatabasePlace,
  request: CopyRequest,
  signal: AbortSignal,
  run: RunCopy<CopyReport['tables']>,
): Promise<CopyReport['tables']> {
  if (serverUrl === undefined) {
    const { withFileDestination } = await import('./file-destination.js');
    return await withFileDestination(path, request, run);
  }
  const { withServerDestination } = await import('./server-destination.js');
  return await withServerDestination(serverUrl, request, signal, run);
}

async function copyAll(
  source: CopySource,
  destination: CopyDestination,
  watch: CopyProps & { readonly plan: readonly CopiedTable[] },
): Promise<CopyReport['tables']> {
  const { list, plan } = watch;
  for (const table of plan) await refuseOrphans(source, table);
  const sums = new Map<CopiedTable, TableSum>();
  for (const table of plan) {
    sums.set(table, await copyTable(source, destination, table, watch));
  }
  for (const [table, sum] of sums) await compare(destination, table, sum, watch);
  const ledger = await source.ledger();
  await destination.replaceLedger(ledgerLike(ledger, await destination.ledger(), list));
  for (const table of plan.filter(hasIds)) {
    await destination.goOnAfter(table, await source.lastId(table));
  }
  watch.signal.throwIfAborted();
  return byName(sums);
}

async function refuseOrphans(source: CopySource, table: CopiedTable): Promise<void> {
  const key = await source.orphan(table);
  if (key === undefined || table.parent === undefined) return;
  const { column, table: parent } = table.parent;
  throw notCopied(table, key, `its ${column} names nothing in ${parent}`, column);
}

async function copyTable(
  source: CopySource,
  destination: CopyDestination,
  table: CopiedTable,
  watch: CopyProps,
): Promise<TableSum> {
  const total = await source.count(table);
  const digest = new TableDigest();
  try {
    await destination.store(table, watched(source.rows(table), digest, table.name, total, watch));
  } catch (error) {
    if (!(error instanceof UnstorableRow)) throw error;
    throw notCopied(table, await source.keyAt(table, error.place), error.why, table.key);
  }
  return digest.result;
}

async function compare(
  destination: CopyDestination,
  table: CopiedTable,
  sum: TableSum,
  watch: CopyProps,
): Promise<void> {
  const digest = new TableDigest();
  const rows = watched(destination.rows(table), digest, 'comparing', sum.rows, watch);
  for await (const _ of rows);
  const stored = digest.result;
  if (stored.rows === sum.rows && stored.checksum === sum.checksum) return;
  throw new PylonDbError(
    'CORRUPT',
    `${table.name} differs: ${sum.rows} rows with checksum ${sum.checksum} were read, ${stored.rows} with ${stored.checksum} were stored`,
    {},
    { hint: 'Nothing was copied. Look for triggers on the destination.' },
  );
}

/** The rows, counted and hashed on their way. Throws when the signal fired. */
async function* watched(
  rows: AsyncIterable<readonly CopiedRow[]>,
  digest: TableDigest,
  step: string,
  total: number,
  { onProgress, signal }: CopyProps,
): AsyncGenerator<readonly LinedRow[]> {
  for await (const list of rows) {
    signal.throwIfAborted();
    yield list.map((row) => {
      const line = copyLine(row);
      digest.add(line);
      return { row, line };
    });
    onProgress({ step, done: digest.rows, total, unit: 'rows' });
  }
}

/** The published ones first, as they always come. */
function byName(sums: ReadonlyMap<CopiedTable, TableSum>): CopyReport['tables'] {
  const named = [...sums].map(([{ name }, sum]): [string, TableSum] => [name, sum]);
  const published = DATA_TABLES.flatMap(({ name }) => named.filter(([other]) => other === name));
  return Object.fromEntries([...published, ...named]);
}

function hasIds({ columns, key }: CopiedTable): boolean {
  return columns.some(({ name, kind }) => name === key && kind === 'integer');
}

function isUnknownCommit(error: unknown): boolean {
  return error instanceof PylonDbError && error.code === 'COMMIT_UNKNOWN';
}

function stopped(): PylonDbError<'ABORTED'> {
  return new PylonDbError(
    'ABORTED',
    'it was stopped before its end',
    {},
    { hint: 'Nothing was copied. Run it again.' },
  );
}
