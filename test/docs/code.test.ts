import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../temporary.js';
import { documentedFiles } from './markdown.js';
import { serviceOnSources } from './service-project.js';

// docs/fleet.md's program runs where a server is; test/package/ checks the types of all.
const files = documentedFiles(
  'README.md',
  'docs/errors.md',
  'docs/migrations.md',
  'docs/own-tables.md',
);

/** Opens with the list that the documents show, then with a migration that it doesn't list. */
const WALK = `import { type MigrationList, PylonDb } from 'pylon-db';
import { migrations as listed } from '../migrations/index.js';

const first = await PylonDb.open('walk.db', { migrations: listed });
await first.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'c' });
await first.close();
const migrations: MigrationList = {
  ...listed,
  '004_invoice_amounts': () => import('../migrations/004_invoice_amounts.js'),
};
const second = await PylonDb.open('walk.db', { migrations });
await second.close();
`;

it('the code of the documents runs in its order and prints what it says', () => {
  const service = serviceOnSources(temporaryFolder());
  service.writeAll(files);
  const ran = files.filter(({ path }) => path.startsWith('src/'));
  expect(ran.filter(({ prints }) => prints !== undefined)).toHaveLength(4);
  for (const { path, prints = '' } of ran) {
    expect({ path, ...service.runFile(path) }).toEqual({
      path,
      exitCode: 0,
      stdout: prints,
      stderr: '',
    });
  }
});

it("docs/migrations.md's migrations run in their order and keep the rows", () => {
  const service = serviceOnSources(temporaryFolder());
  service.writeAll(files.filter(({ path }) => path.startsWith('migrations/')));
  service.write('src/walk.ts', WALK);
  expect(service.runFile('src/walk.ts')).toEqual({ exitCode: 0, stdout: '', stderr: '' });

  const file = new Database(join(service.folder, 'walk.db'), { readonly: true });
  const ledger = file.prepare('select name from migrations order by id').pluck().all();
  const jobs = file.prepare('select id, priority from jobs').all();
  const invoices = file.prepare("select sql from sqlite_master where name = 'invoices'").pluck();
  expect(ledger.slice(-3)).toEqual(['002_add_priority', '003_invoices', '004_invoice_amounts']);
  expect(jobs).toEqual([{ id: 'a', priority: 0 }]);
  expect(invoices.get()).toContain('check (amount_msats >= 0)');
  file.close();
});
