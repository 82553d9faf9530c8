import { readFileSync } from 'node:fs';
import type { MemoryPeaks, OpeningTimes } from './reach/child.js';

// Runs in a process of its own; imports only what it measures.

const [kind, path = '', rows = '0'] = process.argv.slice(2);
const PYLON_DB = new URL('../../dist/index.js', import.meta.url).href;

async function timesOf(open: () => Promise<unknown>): Promise<OpeningTimes> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await open();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const all = process.cpuUsage();
  return { wallMs, cpuMs: (user + system) / 1000, processCpuMs: (all.user + all.system) / 1000 };
}

async function openPylonDb() {
  const { PylonDb }: typeof import('../../src/index.js') = await import(PYLON_DB);
  return await PylonDb.open(path);
}

async function openBare() {
  const { default: Database } = await import('better-sqlite3');
  return new Database(path);
}

async function peaks(): Promise<MemoryPeaks> {
  const { Workload } = await import('./workload.js');
  const workload = new Workload(Number(rows));
  const db = await openPylonDb();

  // Pages of 100 through 100,000 jobs, as a dashboard or an export goes.
  let before: Awaited<ReturnType<typeof db.jobs.listByStatus>>[number] | undefined;
  for (let page = 0; page < 1000; page++) {
    const jobs = await db.jobs.listByStatus('completed', before === undefined ? {} : { before });
    before = jobs.at(-1);
    if (before === undefined) break;
  }
  const listing = peakMb();

  await db.earnings.rollup({ by: 'day' });
  const rollingUp = peakMb();

  for (let batch = 0; batch < 20; batch++) {
    const ticks = Array.from({ length: 1000 }, () => workload.newTick());
    await Promise.all(ticks.map(({ npub, tick }) => db.agents.recordTick(npub, tick)));
  }
  return { listing, rollingUp, ticking: peakMb() };
}

/** The largest resident set so far. */
function peakMb(): number {
  // On Linux `maxRSS` starts with the size of the process that started this one.
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024;
  const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kib) / 1024;
}

switch (kind) {
  case 'open-pylon-db':
    console.log(JSON.stringify(await timesOf(openPylonDb)));
    break;
  case 'open-bare':
    console.log(JSON.stringify(await timesOf(openBare)));
    break;
  case 'memory':
    console.log(JSON.stringify(await peaks()));
    break;
  default:
    throw new Error(`there is no ${kind}`);
}
// Without closing: the end of the process is not measured.
process.exit();
