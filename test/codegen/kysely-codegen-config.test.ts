import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cli, configSchema } from 'kysely-codegen';
import { expect, it } from 'vitest';
import { generateTypes, pylonCodegenConfig } from '../../src/codegen/index.js';
import { databaseWith, freshFolder } from './project-copy.js';
import { AGENTS, JOBS } from './published-sql.js';

/** What kysely-codegen's own command makes of the config, after its validation. */
async function runKyselyCodegen(url: string): Promise<string> {
  const outFile = join(freshFolder(), 'db.ts');
  const config = configSchema.parse(pylonCodegenConfig({ url, outFile }));
  await new Cli().run({ argv: ['--log-level', 'silent'], config });
  return readFileSync(outFile, 'utf8');
}

it('makes kysely-codegen write what our command writes', async () => {
  const database = databaseWith(`${JOBS} ${AGENTS}
    create table invoices (id integer primary key, state text check (state in ('open', 'paid')))`);
  const types = await runKyselyCodegen(database);
  expect(types).toBe(await generateTypes(database));
  expect(types).toContain("export type InvoiceState = 'open' | 'paid';");
});

it('makes kysely-codegen fail on a database without tables', async () => {
  const empty = join(freshFolder(), 'empty.db');
  writeFileSync(empty, '');
  await expect(runKyselyCodegen(empty)).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
});

it('reads the path from PYLON_DB unless told otherwise', () => {
  expect(pylonCodegenConfig()).toMatchObject({
    dialect: 'sqlite',
    url: 'env(PYLON_DB)',
    outFile: 'generated/db.ts',
  });
});
