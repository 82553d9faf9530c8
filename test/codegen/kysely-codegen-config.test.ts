import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Cli, configSchema } from 'kysely-codegen';
import { afterEach, expect, it, vi } from 'vitest';
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

afterEach(() => {
  vi.unstubAllEnvs();
});

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

it('leaves PYLON_DB to a .env file where it is not set', () => {
  vi.stubEnv('PYLON_DB', undefined);
  expect(pylonCodegenConfig()).toMatchObject({
    dialect: 'sqlite',
    url: 'env(PYLON_DB)',
    outFile: 'generated/db.ts',
  });
});

it('takes PYLON_DB as pylon-db does: empty is the published path, ~ the home, :memory: refused', () => {
  for (const [set, path] of [
    ['', '.pylon/pylon.db'],
    ['~/other.db', 'other.db'],
  ]) {
    vi.stubEnv('PYLON_DB', set);
    expect(pylonCodegenConfig().url).toBe(join(homedir(), path ?? ''));
  }
  vi.stubEnv('PYLON_DB', ':memory:');
  expect(() => pylonCodegenConfig()).toThrow('PYLON_DB must be a file');
});
