import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pylonDb } from '../cli/command.js';
import { fileWithOwnRows, OWN_MIGRATIONS, ownRows } from '../cli/own-rows.js';
import { temporaryFolder } from '../temporary.js';
import { connected, describeOnServer } from './own-server.js';

describeOnServer("copy of a service's own tables", (own) => {
  async function copied(from: string, to: string) {
    const args = ['copy', '--from', from, '--to', to, '--migrations', OWN_MIGRATIONS, '--json'];
    const { stdout, stderr } = await pylonDb(args);
    expect(stderr).not.toContain('error');
    return JSON.parse(stdout).tables;
  }

  it('takes them to a server, to another and back, with every value and the same checksums', async () => {
    const file = await fileWithOwnRows();
    const [url, other] = [await own.freshSchema(), await own.freshSchema()];
    const back = join(temporaryFolder(), 'back.db');

    const sums = await copied(file, url);

    expect(sums).toMatchObject({ order: { rows: 2 }, teams: { rows: 2 } });
    expect(await copied(url, other)).toEqual(sums);
    expect(await copied(other, back)).toEqual(sums);
    expect(ownRows(back)).toEqual(ownRows(file));
  });

  it('lets ids on the server go on behind those that the file gave', async () => {
    const [file, url] = [await fileWithOwnRows(), await own.freshSchema()];

    await copied(file, url);

    const client = await connected(url);
    const { rows } = await client.query('insert into "order" default values returning id');
    expect(rows).toEqual([{ id: 8 }]);
  });

  it('refuses a column of another type there, names it, and stores no row', async () => {
    const file = await fileWithOwnRows();
    const { url, outside } = await own.open();
    const up = ['migrate', 'up', '--db', url, '--migrations', OWN_MIGRATIONS];
    await pylonDb([...up, '--to', '020_notes']);
    await outside.query('delete from teams; alter table "order" alter weight type numeric');

    const outcome = await pylonDb([
      ...['copy', '--from', file, '--to', url, '--migrations', OWN_MIGRATIONS],
    ]);

    expect(outcome).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/order\.weight is of kind real .* server type numeric/),
    });
    const { rows } = await outside.query('select count(*)::int as n from jobs');
    expect(rows).toEqual([{ n: 0 }]);
  });
});
