import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Options } from '../options.js';
import { machineLine } from '../report.js';
import { type Case, callersTitle, cases, kinds } from './cases.js';
import type { ServerEntry } from './contestant.js';
import { entries, handWritten } from './contestants/index.js';
import { Crew } from './crew.js';
import { BenchServer } from './dataset.js';
import { measureCase, type ServerEffort } from './measure.js';
import { casesTable, type MeasuredCase, serverGoalsTable, toServerResults } from './report.js';
import { verifyResults, verifyStored } from './verify.js';

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));

const FULL: ServerEffort = { rounds: 15, turnMs: 50, warmUpMs: 150 };
const QUICK: ServerEffort = { rounds: 5, turnMs: 25, warmUpMs: 40 };

/** Rows in each table when the command line doesn't say. */
const ROWS = 100_000;
const QUICK_ROWS = 20_000;

/** pg's own default, and pylon-db's. */
const CONNECTIONS = 10;

/** The server's own default, which outlives a power cut; and what is left without the disk. */
const DURABILITIES = { 'fsync on': ['fsync=on'], 'fsync off': ['fsync=off'] };

/** A read waits for no disk: once is enough. */
const takesPlace = ({ kind }: Case, durability: string) =>
  kind !== 'get' || durability === 'fsync on';

interface Contestant {
  readonly name: string;
  readonly entry: ServerEntry;
  readonly connections: number;
  readonly database: string;
  takesPart(each: Case): boolean;
}

const contestants: readonly Contestant[] = [
  ...entries.map((entry, i) => ({
    name: entry.name,
    entry,
    connections: CONNECTIONS,
    database: `contestant_${i}`,
    takesPart: () => true,
  })),
  {
    name: `${handWritten.name}, 32 connections`,
    entry: handWritten,
    connections: 32,
    database: 'contestant_32',
    // Elsewhere it has no more callers than the other has connections.
    takesPart: ({ callers }) => callers.each > CONNECTIONS,
  },
];

/** Starts a server, lets all contestants take turns on it, and prints what came of it. */
export async function benchPostgres(options: Options): Promise<void> {
  const wanted = cases.filter(({ kind }) => options.wants(kind));
  const rows = options.scales.at(-1) ?? (options.quick ? QUICK_ROWS : ROWS);
  const effort = options.quick ? QUICK : FULL;
  const progress = progressSince(performance.now());

  progress(`a server with ${rows.toLocaleString('en')} rows`);
  const server = await BenchServer.start(rows);
  process.on('exit', () => server.stop());
  const measured: MeasuredCase[] = [];
  for (const [durability, settings] of Object.entries(DURABILITIES)) {
    progress(`${durability}: every contestant must give and store the same`);
    for (const { database } of contestants) await server.createDatabase(database);
    await server.restart(settings);
    const crews = await startAll(server);
    await verifyResults([...crews.values()]);
    for (const each of wanted.filter((one) => takesPlace(one, durability))) {
      progress(`${durability}: ${kinds[each.kind].title}, ${callersTitle(each.callers)}`);
      const taking = [...crews].flatMap(([who, crew]) => (who.takesPart(each) ? [crew] : []));
      const turns = await measureCase(each, taking, rows, effort);
      measured.push({ each, durability, turns });
    }
    for (const [{ database }, crew] of crews) {
      await crew.close();
      await verifyStored(server, database, crew);
    }
    await server.restart();
  }

  const results = toServerResults(measured, rows, await describeServer(server));
  console.log(machineLine(results.machine));
  for (const durability of Object.keys(DURABILITIES)) {
    console.log(`\n${casesTable(results, durability)}`);
  }
  console.log(`\n${serverGoalsTable(results)}`);
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}postgres.json`, `${JSON.stringify(results, null, 2)}\n`);
}

async function startAll(server: BenchServer): Promise<Map<Contestant, Crew>> {
  const crews = await Promise.all(
    contestants.map(async (contestant): Promise<[Contestant, Crew]> => {
      const { name, entry, connections, database } = contestant;
      const props = { name, entry: entry.name, server, database, connections };
      return [contestant, await Crew.start(props)];
    }),
  );
  return new Map(crews);
}

async function describeServer(server: BenchServer): Promise<Record<string, string>> {
  const [row] = await server.run(
    'postgres',
    `select current_setting('server_version') as version,
       current_setting('synchronous_commit') as synchronous_commit`,
  );
  return {
    postgresql: String(row?.['version']).replace(/ .*/, ''),
    synchronous_commit: String(row?.['synchronous_commit']),
    data: tmpdir().startsWith('/dev/shm') ? 'in memory (tmpfs)' : 'on disk',
  };
}

function progressSince(start: number): (text: string) => void {
  return (text) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(0).padStart(4);
    process.stderr.write(`${seconds} s  ${text}\n`);
  };
}
