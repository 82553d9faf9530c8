import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { type MigrationList, PylonDb } from '../../src/index.js';

// One of several processes that open the same new file at the same moment, round after round; or
// given a JSON list of URLs, the same empty schema of a server. Prints one line of JSON a round.

const [folder = '', self = '', processes = '', rounds = '', urls = '[]'] = process.argv.slice(2);
const servers: readonly string[] = JSON.parse(urls);

/** Processes that saw the others arrive start together on the next multiple of it, in ms. */
const STARTING_GRID_MS = 25;

/** A service's own migration, which leaves a row each time it runs. */
const migrations: MigrationList = {
  '002_service': async () => ({
    async up({ context }) {
      await context.schema.createTable('runs').addColumn('process', 'text').execute();
      await sql`insert into runs values (${self})`.execute(context);
    },
  }),
};

async function waitForAll(round: number): Promise<void> {
  writeFileSync(join(folder, `ready.${round}.${self}`), '');
  const isHere = (file: string) => file.startsWith(`ready.${round}.`);
  while (readdirSync(folder).filter(isHere).length < Number(processes)) await sleep(1);
  await sleep(STARTING_GRID_MS - (Date.now() % STARTING_GRID_MS));
}

for (let round = 0; round < Number(rounds); round++) {
  await waitForAll(round);
  try {
    const path = servers[round] ?? join(folder, `round-${round}.db`);
    const db = await PylonDb.open(path, { migrations });
    await db.jobs.create({ id: self, kind: 1, customer_pubkey: 'c' });
    await db.close();
    console.log(JSON.stringify({ round }));
  } catch (error) {
    console.log(JSON.stringify({ round, error: String(error) }));
  }
}
