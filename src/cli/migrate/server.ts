import { PylonDbError } from '../../errors.js';
import type { MigrationList } from '../../migrate/migration.js';
import { readServerLedger, readServerLedgerRows } from '../../migrate/postgres-ledger.js';
import { PostgresMigrator } from '../../migrate/postgres-migrator.js';
import { appliedOnServer, findServerDrift, mayCreateNoSchema } from '../../migrate/server-drift.js';
import { withServer } from '../shell/server.js';
import type { DatabaseMigrations, Direction } from './database.js';

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

  async ledger() {
    return await withServer(this.#url, 'read', (pool) =>
      pool.withSession(async (session) => {
        const { pending } = await readServerLedger(session, this.#list);
        return { rows: await readServerLedgerRows(session), pending };
      }),
    );
  }

  async verify() {
    return await withServer(this.#url, 'write', async (pool) => {
      const applied = await appliedOnServer(pool, this.#list);
      try {
        return { applied, drift: await findServerDrift(pool, this.#list, applied) };
      } catch (error) {
        throw mayCreateNoSchema(error) ? noSchema(error) : error;
      }
    });
  }

  async migrate<Result>(
    _: Direction,
    run: (migrator: PostgresMigrator) => Promise<Result>,
  ): Promise<Result> {
    return await withServer(this.#url, 'write', (pool, address) =>
      run(new PostgresMigrator({ pool, address, list: this.#list })),
    );
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
