import { migrations as ownMigrations } from '../migrations/index.js';
import { shownUrl } from './database-url.js';
import { connectTo } from './engine/postgres/open.js';
import type { SessionPool } from './engine/postgres/pool.js';
import { PostgresEngine } from './engine/postgres/postgres-engine.js';
import { cannotOpen } from './engine/postgres/postgres-errors.js';
import { TriggerWatch } from './engine/postgres/trigger-watch.js';
import type { MigrationList } from './migrate/migration.js';
import { readServerLedger } from './migrate/postgres-ledger.js';
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
    await bringUpToDate(operation, pool, address, options);
    await pool.withSession(async (session) => {
      const look = triggers.due();
      triggers.learn(look, await session.run(look));
    });
  } catch (error) {
    await pool.end();
    throw cannotOpen(error, operation, address);
  }
  const engine = new PostgresEngine({ pool, address, readonly, busyTimeoutMs, triggers });
  return { engine, address };
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
