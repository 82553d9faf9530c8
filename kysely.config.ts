// Read by kysely-ctl (`kysely`, `migrations`) and kysely-codegen (the rest). Both load it with a
// loader of their own, from a file of another name: so the imports here say `.ts`, and tsx loads them.
import 'tsx/cjs';
import SqliteDatabase from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { migrations } from './migrations/index.ts';
import { pylonCodegenConfig } from './src/codegen/index.ts';
import { isServerUrl } from './src/database-url.ts';
import { DEFAULT_PATH, expandPath } from './src/engine/sqlite/database-file.ts';
import { refuseForeignSidecars } from './src/engine/sqlite/sidecars.ts';
import { UmzugKyselyMigrator } from './src/migrate/kysely-migrator.ts';
import { DEFAULT_BUSY_TIMEOUT_MS } from './src/options.ts';

const database = process.env['PYLON_DB'] ?? DEFAULT_PATH;
if (isServerUrl(database, 'kysely.config')) {
  throw new Error('kysely-ctl works on files here. For a server: pylon-db migrate up|down|status.');
}
const path = expandPath(database);

export default {
  ...pylonCodegenConfig({ url: path }),
  // A factory, and no `dialect` for kysely-ctl: kysely-codegen reads that key.
  kysely: () =>
    new Kysely<unknown>({
      dialect: new SqliteDialect({
        database: async () => {
          refuseForeignSidecars(path, 'kysely.config');
          return new SqliteDatabase(path);
        },
      }),
    }),
  migrations: {
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
