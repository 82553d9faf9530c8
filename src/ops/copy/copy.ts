import { migrations } from '../../../migrations/index.js';
import { PylonDbError } from '../../errors.js';
import type { DatabasePlace } from '../database-place.js';
import type { OnProgress } from '../progress.js';
import { ledgerLike } from './ledger.js';
import { type LeftBehind, leftBehindOf, refuseLeftBehind } from './left-behind.js';
import { type CopiedRow, copyLine, type LinedRow, notCopied } from './row.js';
import { type CopyDestination, type CopySource, UnstorableRow } from './sides.js';
import { TableDigest, type TableSum } from './table-digest.js';
import { COPIED_TABLES, type CopiedTable } from './tables.js';

/** What a copy did. */
export interface CopyReport {
  /** What was compared on both sides, by table. */
  readonly tables: Readonly<Record<CopiedTable['name'], TableSum>>;
  readonly leftBehind: LeftBehind;
}

/** What is copied, and who watches. */
export interface CopyProps {
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
  /** Leaves behind what is not published; otherwise that is refused. */
  readonly publishedOnly: boolean;
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
    const leftBehind = await leftBehindOf(source);
    if (!watch.publishedOnly) refuseLeftBehind(leftBehind);
    const tables = await withDestination(to, watch.signal, (destination) =>
      copyAll(source, destination, watch),
    );
    return { tables, leftBehind };
  };
  try {
    if (from.serverUrl === undefined) {
      const { withFileSource } = await import('./file-source.js');
      return await withFileSource(from.path, copy);
    }
    const { withServerSource } = await import('./server-source.js');
    return await withServerSource(from.serverUrl, copy);
  } catch (error) {
    // The server calls it a cancelled query.
    if (watch.signal.aborted && !isUnknownCommit(error)) throw stopped();
    throw error;
  }
}

async function withDestination(
  { path, serverUrl }: DatabasePlace,
  signal: AbortSignal,
  run: (destination: CopyDestination) => Promise<CopyReport['tables']>,
): Promise<CopyReport['tables']> {
  if (serverUrl === undefined) {
    const { withFileDestination } = await import('./file-destination.js');
    return await withFileDestination(path, run);
  }
  const { withServerDestination } = await import('./server-destination.js');
  return await withServerDestination(serverUrl, signal, run);
}

async function copyAll(
  source: CopySource,
  destination: CopyDestination,
  watch: CopyProps,
): Promise<CopyReport['tables']> {
  for (const table of COPIED_TABLES) await refuseOrphans(source, table);
  const sums = new Map<CopiedTable, TableSum>();
  for (const table of COPIED_TABLES) {
    sums.set(table, await copyTable(source, destination, table, watch));
  }
  for (const [table, sum] of sums) await compare(destination, table, sum, watch);
  const ledger = await source.ledger();
  await destination.replaceLedger(ledgerLike(ledger, await destination.ledger(), migrations));
  await destination.goOnAfter(await source.lastTickId());
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
    await destination.store(table, told(source.rows(table), digest, table.name, total, watch));
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
  const rows = told(destination.rows(table), digest, 'comparing', sum.rows, watch);
  for await (const _ of rows);
  const stored = digest.result;
  if (stored.rows === sum.rows && stored.checksum === sum.checksum) return;
  throw new PylonDbError(
    'CORRUPT',
    `${table.name} differs: ${sum.rows} rows with checksum ${sum.checksum} were read, ${stored.rows} with ${stored.checksum} were stored`,
    {},
    { operation: '', hint: 'Nothing was copied. Look for triggers on the destination.' },
  );
}

/** The rows, counted and hashed on their way. Throws when the signal fired. */
async function* told(
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

function byName(sums: ReadonlyMap<CopiedTable, TableSum>): CopyReport['tables'] {
  const none: TableSum = new TableDigest().result;
  const of = (name: CopiedTable['name']) =>
    [...sums].find(([table]) => table.name === name)?.[1] ?? none;
  return {
    jobs: of('jobs'),
    earnings: of('earnings'),
    agents: of('agents'),
    tick_history: of('tick_history'),
  };
}

function isUnknownCommit(error: unknown): boolean {
  return error instanceof PylonDbError && error.code === 'COMMIT_UNKNOWN';
}

function stopped(): PylonDbError<'ABORTED'> {
  return new PylonDbError(
    'ABORTED',
    'it was stopped before its end',
    {},
    { operation: '', hint: 'Nothing was copied. Run it again.' },
  );
}
