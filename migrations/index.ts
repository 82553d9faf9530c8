import type { MigrationList } from '../src/migrate/migration.js';

/** Our migrations in their order. Static, so that bundles and every loader find them. */
export const migrations: MigrationList = {
  '001_initial_schema': () => import('./001_initial_schema.js'),
  '002_pylon_db_indexes': () => import('./002_pylon_db_indexes.js'),
  '003_pylon_db_rollups': () => import('./003_pylon_db_rollups.js'),
  '004_pylon_db_identity': () => import('./004_pylon_db_identity.js'),
  '005_pylon_db_earning_hours': () => import('./005_pylon_db_earning_hours.js'),
};
