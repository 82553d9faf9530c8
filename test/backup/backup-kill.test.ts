import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { listBackups } from '../../src/backup/list.js';
import { PylonDb } from '../../src/index.js';
import { CLI, pylonDb } from '../cli/command.js';
import { job } from '../engine/fresh.js';
import { fuzzSeed, Random } from '../faults/random.js';
import { temporaryFolder } from '../temporary.js';
import { expectTrueManifest, temporariesIn } from './backups.js';

const SEED = fuzzSeed();
const KILLS = 12;

/** After so many tries somebody makes a backup that nobody kills. */
const KILLS_A_RUN = 5;

/** Rows that make a file of some MB, so that each step takes a while. */
const JOBS = 3000;

const VICTIMS = ['the command', 'its child', 'both'] as const;

async function filled(jobs: number): Promise<string> {
  const path = join(temporaryFolder(), 'pylon.db');
  const db = await PylonDb.open(path);
  const error_message = 'x'.repeat(500);
  await Promise.all(
    Array.from({ length: jobs }, (_, i) => db.jobs.create({ ...job(`job ${i}`), error_message })),
  );
  await db.close();
  return path;
}

/** Throws unless each database of a folder is a backup, whole and described by its manifest. */
function expectOnlyTrueFinals(folder: string): number {
  const finals = readdirSync(folder).filter((name) => name.endsWith('.db') && name[0] !== '.');
  for (const name of finals) expectTrueManifest(join(folder, name));
  return finals.length;
}

/** Nothing but backups and their manifests. */
function expectNoRemains(folder: string): void {
  expect(temporariesIn(folder)).toEqual([]);
  for (const { state, path } of listBackups(folder, Date.now() / 1000))
    expect(state, path).toBe('complete');
  const manifests = readdirSync(folder).filter((name) => name.endsWith('.json'));
  for (const name of manifests) {
    expect(existsSync(join(folder, name.replace(/\.json$/, ''))), name).toBe(true);
  }
}

it(`killed at ${KILLS} random moments, a backup is whole or not there (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const path = await filled(JOBS);
  const folder = temporaryFolder();
  const backUp = async () => {
    const start = performance.now();
    expect(await pylonDb(['backup', folder, '--quiet', '--db', path])).toMatchObject({
      exitCode: 0,
    });
    return performance.now() - start;
  };
  let lastsMs = await backUp();
  /** Each run leads a group of its own, its child with it. */
  const groups = new Set<number>();
  const ends = { killed: 0, faster: 0, temporaries: 0 };
  for (let tried = 1; ends.killed < KILLS || ends.temporaries === 0; tried++) {
    const run = spawn(process.execPath, [CLI, 'backup', folder, '--db', path], {
      detached: true,
      stdio: 'ignore',
    });
    groups.add(run.pid ?? 0);
    const ended = once(run, 'close');
    await sleep(lastsMs * random.next());
    const victim = random.pick(VICTIMS);
    killOne(run, victim);
    await ended;
    ends[run.exitCode === 0 ? 'faster' : 'killed'] += 1;
    expectOnlyTrueFinals(folder);
    ends.temporaries += temporariesIn(folder).length;
    // The command that lost its child has tidied up itself.
    if (run.exitCode === 1) expect(temporariesOf(run, folder)).toEqual([]);
    if (tried % KILLS_A_RUN === 0) {
      // Other tests come and go on the same cores.
      lastsMs = await backUp();
      expectNoRemains(folder);
    }
  }
  await backUp();
  await untilEnded(groups);
  expectNoRemains(folder);
  const finals = expectOnlyTrueFinals(folder);
  console.log(`backup killed: ${JSON.stringify({ ...ends, finals })}, 0 bad finals, 0 remains`);
});

function killOne(run: ChildProcess, victim: (typeof VICTIMS)[number]): void {
  const pid = run.pid ?? 0;
  try {
    if (victim === 'both') process.kill(-pid, 'SIGKILL');
    else if (victim === 'the command') process.kill(pid, 'SIGKILL');
    else for (const child of childrenOf(pid)) process.kill(child, 'SIGKILL');
  } catch {
    // It was faster.
  }
}

function childrenOf(parent: number): number[] {
  return processes().flatMap(({ pid, ppid }) => (ppid === parent ? [pid] : []));
}

interface Running {
  readonly pid: number;
  readonly ppid: number;
  readonly group: number;
}

function processes(): Running[] {
  if (process.platform === 'linux') return processesByProc();
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,pgid='], { encoding: 'utf8' });
  return [...stdout.matchAll(/^ *(\d+) +(\d+) +(\d+)$/gm)].map(([, pid, ppid, group]) => ({
    pid: Number(pid),
    ppid: Number(ppid),
    group: Number(group),
  }));
}

/** A bare system has no ps(1). */
function processesByProc(): Running[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [, ppid, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(pid), ppid: Number(ppid), group: Number(group) }];
    } catch {
      return [];
    }
  });
}

function temporariesOf(run: ChildProcess, folder: string): string[] {
  return temporariesIn(folder).filter((name) => name.includes(`.${run.pid}-`));
}

/** A child whose parent was killed ends its step first, and must leave nothing then either. */
async function untilEnded(groups: ReadonlySet<number>): Promise<void> {
  // A child that outlives its parent for ever ends in the test's timeout.
  while (processes().some(({ group }) => groups.has(group))) await sleep(100);
}
