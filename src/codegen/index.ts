import type { Config } from 'kysely-codegen';
import { environmentDatabase } from '../named-database.js';
import { refineFromLiveSchema } from './live-schema.js';
import { TypeScriptFile } from './typescript-file.js';

export { generateSchemaSql, generateTypes } from './generate.js';

/** What {@link pylonCodegenConfig} leaves to the caller. */
export interface PylonCodegenOptions {
  /**
   * The database file. Default: what PYLON_DB means to pylon-db. Where it isn't set,
   * `env(PYLON_DB)`, kysely-codegen's form for a variable that a .env file may set.
   */
  readonly url?: string;
  /** Where the types go, from the config file's folder. Default: `generated/db.ts`. */
  readonly outFile?: string;
}

/**
 * A kysely-codegen config that describes pylon-db's tables and your own exactly as pylon-db does:
 * unions and runtime arrays from CHECKs, keys never null. Needs `kysely-codegen` installed next to
 * pylon-db; a database without tables fails with `SCHEMA_MISMATCH`.
 *
 * @example
 * // codegen.config.ts, for: npx kysely-codegen --config-file codegen.config.ts
 * import { pylonCodegenConfig } from 'pylon-db/codegen';
 * export default pylonCodegenConfig({ url: 'pylon.db', outFile: 'src/db.ts' });
 */
export function pylonCodegenConfig(options: PylonCodegenOptions = {}) {
  const file = new TypeScriptFile();
  const isSet = process.env['PYLON_DB'] !== undefined;
  return {
    dialect: 'sqlite',
    url: options.url ?? (isSet ? environmentDatabase().path : 'env(PYLON_DB)'),
    outFile: options.outFile ?? 'generated/db.ts',
    postprocess: refineFromLiveSchema,
    // A plain object: kysely-codegen copies its config, and a class instance would lose `this`.
    serializer: {
      serializeFile: (...input: Parameters<TypeScriptFile['serializeFile']>) =>
        file.serializeFile(...input),
    },
  } satisfies Config;
}
