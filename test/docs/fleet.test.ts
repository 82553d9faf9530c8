import { expect, it, vi } from 'vitest';
import { connected, describeOnServer, opened } from '../postgres/own-server.js';
import { temporaryFolder } from '../temporary.js';
import { codeBlocks, readProject, sourceFiles } from './markdown.js';
import { serviceOnSources } from './service-project.js';

describeOnServer('docs/fleet.md', (own) => {
  const blocks = codeBlocks(readProject('docs/fleet.md'));

  it('shows a program that prints what it says', async () => {
    const service = serviceOnSources(temporaryFolder());
    const files = sourceFiles(blocks);
    expect(files).toHaveLength(1);
    service.writeAll(files);
    vi.stubEnv('FLEET_DB', await own.freshSchema());
    for (const { path, prints = '' } of files) {
      expect(service.runFile(path)).toEqual({ exitCode: 0, stdout: prints, stderr: '' });
    }
    vi.unstubAllEnvs();
  });

  it('names the privileges that a role needs when all is migrated', async () => {
    const url = await own.freshSchema();
    const [db, outside] = [await opened(url), await connected(url)];
    const { rows } = await outside.query<{ schema: string }>('select current_schema() as schema');
    const schema = rows[0]?.schema ?? '';
    await outside.query(`create role clerk login;
      grant usage on schema ${schema} to clerk;
      grant select, insert, update, delete on all tables in schema ${schema} to clerk`);
    await db.agents.upsert({ npub: 'npub1', name: 'A', lifecycle_state: 'active' });
    const service = serviceOnSources(temporaryFolder());
    service.write('src/clerk.ts', CLERK);
    vi.stubEnv('FLEET_DB', url.replace('postgres@', 'clerk@'));
    expect(service.runFile('src/clerk.ts')).toEqual({
      exitCode: 0,
      stdout: '1 { pending: 1, processing: 0, completed: 0, failed: 0, cancelled: 0 }\n',
      stderr: '',
    });
    vi.unstubAllEnvs();
    const refused = 'create table more (id int)';
    await outside.query(`set role clerk`);
    await expect(outside.query(refused)).rejects.toThrow('permission denied');
  });
});

/** Writes each kind of row as a role that owns nothing. */
const CLERK = `import { PylonDb } from 'pylon-db';
await using db = await PylonDb.open(process.env['FLEET_DB'] ?? '');
const tick = await db.agents.recordTick('npub1', { tick_number: 1 });
await db.jobs.create({ id: 'j', kind: 1, customer_pubkey: 'c' });
await db.earnings.recordForJob('j', 1000, { payment_hash: 'h' });
console.log(tick.id, await db.jobs.countByStatus());
`;
