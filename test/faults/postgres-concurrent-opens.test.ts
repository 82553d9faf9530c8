import { join } from 'node:path';
import { expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { connected, describeOnServer } from '../postgres/own-server.js';
import { temporaryFolder } from '../temporary.js';
import { Program } from './program.js';
import { reported } from './table.js';

const PROCESSES = 6;

/** The first on the server's own empty schema, the others on empty schemas next to it. */
const ROUNDS = 8;

const opener = new Program(join(import.meta.dirname, 'opens-at-once.ts'));
const numbers = (end: number) => Array.from({ length: end }, (_, i) => i);

describeOnServer('on a server', (own) => {
  it(`${PROCESSES} processes migrate the same empty schema at the same moment, ${ROUNDS} times`, async () => {
    const urls = [own.server.url()];
    while (urls.length < ROUNDS) urls.push(await own.freshSchema());
    const folder = temporaryFolder();
    const args = (self: number) => [folder, self, PROCESSES, ROUNDS, JSON.stringify(urls)];
    const ends = await Promise.all(numbers(PROCESSES).map((self) => opener.run(args(self))));
    const lines = numbers(ROUNDS).map((round) => JSON.stringify({ round }));
    for (const end of ends) expect(end).toMatchObject({ exitCode: 0, stderr: '', lines });

    for (const [round, url] of urls.entries()) {
      const outside = await connected(url);
      const ledger = await outside.query('select name from migrations order by id');
      expect(
        ledger.rows.map(({ name }) => name),
        `round ${round}`,
      ).toEqual([...Object.keys(migrations), '002_service']);
      const counts = await outside.query(`select (select count(*)::int from runs) as runs,
        (select count(*)::int from jobs) as jobs,
        (select count(*)::int from pylon_db_locks) as locks,
        (select count::int from pylon_db_job_totals where status = 'pending') as pending`);
      expect(counts.rows, `round ${round}`).toEqual([
        { runs: 1, jobs: PROCESSES, locks: 1024, pending: PROCESSES },
      ]);
    }
    reported('PostgreSQL: many first opens', {
      tried: `${PROCESSES} processes open an empty schema at once, ${ROUNDS} times`,
      figure: 'each migration ran once; every process could write',
    });
  });
});
