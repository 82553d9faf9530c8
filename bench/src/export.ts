import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';

// `npm run bench:export`: `pylon-db export` next to the sqlite3 shell's own CSV, in one run. Then the
// shell imports what was exported, and exporting that again must give the same bytes.

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '7' },
  },
});
const ROWS = Number(values.rows);
const ROUNDS = Number(values.rounds);

/** What was asked for: at least half of the shell's speed, in less than so much memory. */
const GOAL_SPEED = 0.5;
const GOAL_MB = 150;

/** How often the memory of the processes is looked at, in ms; the kernel keeps each one's peak. */
const LOOK_MS = 5;

const CLI = new URL('../../dist/cli.js', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'pylon-db-bench-export-'));

interface Run {
  readonly wallMs: number;
  readonly peakMb: number;
}

/** Runs a program to its end. Its peak is the sum of the peaks of its processes. */
async function run(program: string, args: readonly string[]): Promise<Run> {
  const start = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const peaks = new Map<string, number>();
  const timer = setInterval(() => look(String(child.pid), peaks), LOOK_MS);
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${program} exited with ${code}`);
  return {
    wallMs: performance.now() - start,
    peakMb: [...peaks.values()].reduce((sum, kib) => sum + kib, 0) / 1024,
  };
}

function look(pid: string, peaks: Map<string, number>): void {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    // None when it is just ending.
    const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
    peaks.set(pid, Math.max(peak, peaks.get(pid) ?? 0));
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8');
      for (const child of children.split(' ')) if (child !== '') look(child, peaks);
    }
  } catch {
    // It has ended, or there is no /proc.
  }
}

function fill(path: string): void {
  execFileSync(process.execPath, [CLI, 'migrate', 'up', '--quiet', '--db', path], {
    stdio: 'ignore',
  });
  const db = new Database(path);
  db.pragma('synchronous = off');
  // Ids and hashes as nodes have them, and now and then a text that needs quotes.
  db.prepare(
    `insert into jobs
     with recursive n (i) as (select 1 union all select i + 1 from n where i < ?)
     select lower(hex(randomblob(32))), 5050 + i % 100, lower(hex(randomblob(32))),
       iif(i % 10, 'completed', 'failed'), i % 9973, lower(hex(randomblob(32))),
       iif(i % 10, lower(hex(randomblob(32))), null),
       iif(i % 10, null, 'Inference error: "model", not loaded'),
       1750000000 + i, 1750000060 + i, 1750000000 + i from n`,
  ).run(ROWS);
  db.pragma('wal_checkpoint(truncate)');
  db.close();
}

const median = (numbers: readonly number[]) =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

const path = join(folder, 'pylon.db');
const out = join(folder, 'jobs.csv');
const ours = () =>
  run(process.execPath, [CLI, 'export', 'jobs', '--out', out, '--force', '--quiet', '--db', path]);
const shell = () =>
  run('sh', [
    '-c',
    'sqlite3 -readonly -csv -header "$1" "select * from jobs" > "$2"',
    'sh',
    path,
    join(folder, 'shell.csv'),
  ]);

try {
  fill(path);
  const runs = { ours: [] as Run[], shell: [] as Run[] };
  for (let round = 0; round < ROUNDS; round++) {
    runs.shell.push(await shell());
    runs.ours.push(await ours());
  }
  const ratios = runs.ours.map(({ wallMs }, i) => (runs.shell[i]?.wallMs ?? Number.NaN) / wallMs);
  const peak = Math.max(...runs.ours.map(({ peakMb }) => peakMb));
  const megabytes = statSync(out).size / 1e6;
  console.log(
    `${ROWS.toLocaleString('en')} jobs, ${megabytes.toFixed(0)} MB of CSV, ${ROUNDS} rounds`,
  );
  console.log(
    `speed to \`sqlite3 -csv\`: ${median(ratios).toFixed(2)} ` +
      `(${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}), goal ${GOAL_SPEED}`,
  );
  console.log(`memory, all processes: ${peak.toFixed(0)} MB, goal ${GOAL_MB}`);

  const again = join(folder, 'again.db');
  execFileSync(process.execPath, [CLI, 'migrate', 'up', '--quiet', '--db', again], {
    stdio: 'ignore',
  });
  execFileSync('sqlite3', [again, `.import --csv --skip 1 "${out}" jobs`], { stdio: 'inherit' });
  const exported = join(folder, 'again.csv');
  // The shell imports an empty field as empty text; NULL and that are one in CSV.
  await run(process.execPath, [CLI, 'export', 'jobs', '--out', exported, '--quiet', '--db', again]);
  const same = (await hashOf(out)) === (await hashOf(exported));
  console.log(`imported by the shell and exported again: ${same ? 'byte-identical' : 'DIFFERENT'}`);
  if (!same) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
