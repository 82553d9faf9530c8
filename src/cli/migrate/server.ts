import type { SessionPool } from '../../engine/postgres/pool.js';
import { PylonDbError } from '../../errors.js';
import type { MigrationList } from '../../migrate/migration.js';
import type { PlannedMigration } from '../../migrate/migration-step.js';
import { readServerLedger, readServerLedgerRows } from '../../migrate/postgres-ledger.js';
import { PostgresMigrator } from '../../migrate/postgres-migrator.js';
import { appliedOnServer, findServerDrift, mayCreateNoSchema } from '../../migrate/server-drift.js';
import { withServer } from '../shell/server.js';
import type { DatabaseMigrations, LedgerReport } from './database.js';

/** The migrations of a PostgreSQL schema: the first one of the search path. */
export class ServerMigrations implements DatabaseMigrations {
  readonly #url: string;
  readonly #list: MigrationList;

  constructor(url: string, list: MigrationList) {
    this.#url = url;
    this.#list = list;
  }

  /** A server's databases are created by its administrator. */
  isMissing(): boolean {
    return false;
  }

  async ledger(): Promise<LedgerReport> {
    return await withServer(this.#url, 'read', (pool) =>
      pool.withSession(async (session) => {
        const { pending } = await readServerLedger(session, this.#list);
        return { rows: await readServerLedgerRows(session), pending };
      }),
    );
  }

  async up(last: number, onApplied: (names: readonly string[]) => void): Promise<void> {
    await withServer(this.#url, 'write', async (pool, address) => {
      const migrator = this.#migrator(pool, address);
      const order = Object.keys(this.#list);
      const pending = (await migrator.pending()).filter((name) => order.indexOf(name) <= last);
      for (const name of pending) onApplied(await migrator.up(name));
    });
  }

  async down(which: number | string): Promise<readonly string[]> {
    return await withServer(this.#url, 'write', (pool, address) =>
      this.#migrator(pool, address).down(which),
    );
  }

  async redo(name: string | undefined): Promise<readonly string[]> {
    return await withServer(this.#url, 'write', (pool, address) =>
      this.#migrator(pool, address).redo(name),
    );
  }

  async plan(): Promise<readonly PlannedMigration[]> {
    return await withServer(this.#url, 'write', (pool, address) =>
      this.#migrator(pool, address).plan(),
    );
  }

  async verify() {
    return await withServer(this.#url, 'write', async (pool) => {
      const applied = await appliedOnServer(pool, this.#list);
      const known = Object.entries(this.#list).filter(([name]) => applied.includes(name));
      try {
        return { applied, drift: await findServerDrift(pool, Object.fromEntries(known)) };
      } catch (error) {
        throw mayCreateNoSchema(error) ? noSchema(error) : error;
      }
    });
  }

  #migrator(pool: SessionPool, address: string): PostgresMigrator {
    return new PostgresMigrator({ pool, address, list: this.#list });
  }
}

function noSchema(cause: unknown): PylonDbError<'READ_ONLY'> {
  return new PylonDbError(
    'READ_ONLY',
    'the role may create no schema to compare with',
    {},
    {
      cause,
      hint: 'Verify on the primary, as a role with CREATE on the database: the schema is rolled back.',
    },
  );
}
