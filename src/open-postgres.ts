import { migrations as ownMigrations } from '../migrations/index.js';
import { shownUrl } from './database-url.js';
import { isConnectionLost } from './engine/postgres/failures.js';
import { connectTo } from './engine/postgres/open.js';
import type { SessionPool } from './engine/postgres/pool.js';
import { PostgresEngine } from './engine/postgres/postgres-engine.js';
import { cannotOpen } from './engine/postgres/postgres-errors.js';
import type { Session } from './engine/postgres/session.js';
import { fixed } from './engine/postgres/statement.js';
import { TriggerWatch } from './engine/postgres/trigger-watch.js';
import { isPylonDbError } from './errors.js';
import type { MigrationList } from './migrate/migration.js';
import { isToBeMade, OWN_OBJECTS_LOOK } from './migrate/own-server-objects.js';
import { readServerLedger } from './migrate/postgres-ledger.js';
import { publishedBroken, publishedProblems } from './migrate/published-check.js';
import { refusePending } from './migrate/schema-check.js';
import { DEFAULT_BUSY_TIMEOUT_MS, type OpenOptions } from './options.js';

/** A server that is connected to, and its URL as it may be shown. */
export interface OpenedServer {
  readonly engine: PostgresEngine;
  readonly address: string;
}

/** Connects to the PostgreSQL server at `url`, and migrates its schema; see `PylonDb.open`. */
export async function openPostgres(
  operation: string,
  url: string,
  options: OpenOptions,
): Promise<OpenedServer> {
  const { readonly = false, busyTimeoutMs = DEFAULT_BUSY_TIMEOUT_MS, onQuery } = options;
  const pool = await connectTo({ url, readonly, busyTimeoutMs, onQuery, operation });
  const address = shownUrl(url);
  const triggers = new TriggerWatch();
  try {
    // Before the ledger is read: rows of it may be hidden.
    await pool.withSession(async (session) => {
      const look = triggers.due();
      triggers.learn(look, await session.run(look));
    });
    triggers.assertAllVisible();
    await bringUpToDate(operation, pool, address, options);
    await pool.withSession(async (session) => {
      if (!mayRepair(options)) return;
      const [ours] = await session.run([OWN_LOOK]);
      if (ours?.rows.some(isToBeMade)) await repair(operation, session);
    });
  } catch (error) {
    await pool.end();
    throw cannotOpen(error, operation, address);
  }
  const engine = new PostgresEngine({
    pool,
    address,
    readonly,
    busyTimeoutMs,
    triggers,
    assertPublished,
  });
  return { engine, address };
}

async function assertPublished(session: Session): Promise<void> {
  const { readServerFacts } = await import('./migrate/server-facts.js');
  const problems = publishedProblems(await readServerFacts(session), 'postgres');
  if (problems.length > 0) throw publishedBroken(problems);
}

const OWN_LOOK = fixed(OWN_OBJECTS_LOOK);

function mayRepair({ readonly = false, migrate = true }: OpenOptions): boolean {
  return migrate && !readonly;
}

/**
 * Makes our own objects again that other programs took along. Where that can't be done now, the call
 * that needs one says so, and `check --repair` says why.
 */
async function repair(operation: string, session: Session): Promise<void> {
  const { repairServerObjects } = await import('./migrate/own-server-repair.js');
  try {
    await repairServerObjects(session, {
      list: ownMigrations,
      operation,
      isChosen: ({ isLost, mayBeMade }) => isLost && mayBeMade,
    });
  } catch (error) {
    if (isPylonDbError(error) || isConnectionLost(error)) throw error;
  }
}

async function bringUpToDate(
  operation: string,
  pool: SessionPool,
  address: string,
  { readonly = false, migrate = true, migrations }: OpenOptions,
): Promise<void> {
  const list: MigrationList = { ...ownMigrations, ...migrations };
  const { pending } = await pool.withSession((session) =>
    readServerLedger(session, list, operation),
  );
  if (pending.length === 0) return;
  if (readonly || !migrate) refusePending(operation, pending);
  const { PostgresMigrator } = await import('./migrate/postgres-migrator.js');
  await new PostgresMigrator({ pool, address, list, operation }).up();
}
