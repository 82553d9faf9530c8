// Read by kysely-ctl (`kysely`, `migrations`) and kysely-codegen (the rest). Both load it with a
// loader of their own, from a file of another name: so the imports here say `.ts`, and tsx loads them.
import 'tsx/cjs';
import { Kysely, SqliteDialect } from 'kysely';
import { migrations } from './migrations/index.ts';
import { pylonCodegenConfig } from './src/codegen/index.ts';
import {
  connectForKyselyCtl,
  refuseToMake,
  UmzugKyselyMigrator,
  withHintInMessage,
} from './src/migrate/kysely-migrator.ts';
import { environmentDatabase } from './src/named-database.ts';
import { DEFAULT_BUSY_TIMEOUT_MS } from './src/options.ts';

const path = databaseFile();

export default {
  ...pylonCodegenConfig({ url: path }),
  // A factory, and no `dialect` for kysely-ctl: kysely-codegen reads that key.
  kysely: () =>
    new Kysely<unknown>({
      dialect: new SqliteDialect({ database: async () => connectForKyselyCtl(path, 'kysely') }),
    }),
  migrations: {
    getMigrationPrefix: refuseToMake,
    migrator: (db: Kysely<unknown>) =>
      new UmzugKyselyMigrator(
        db,
        {
          path,
          durability: 'normal',
          busyTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS,
          operation: 'kysely migrate',
        },
        migrations,
      ),
  },
};

function databaseFile(): string {
  try {
    const database = environmentDatabase();
    if (database.serverUrl === undefined) return database.path;
  } catch (error) {
    throw withHintInMessage(error);
  }
  throw new Error('kysely-ctl works on files here. For a server: pylon-db migrate up|down|status.');
}
