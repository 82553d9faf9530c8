import { spawnSync } from 'node:child_process';
import type { Context } from '../context.js';
import { type Goal, inRows } from '../goals.js';
import { median, rotated } from '../measure.js';
import { CHILD, type OpeningTimes } from './child.js';

const ROWS = 10_000;
const LIMIT = 2.5;
const KINDS = ['open-pylon-db', 'open-bare'] as const;

interface Opening extends OpeningTimes {
  /** The whole process, from spawn to exit. */
  readonly processWallMs: number;
}

/** `import` and `open` of an up-to-date file in a new process, to a bare better-sqlite3. */
export async function opening({ options, datasets, progress }: Context): Promise<Goal[]> {
  progress('opening in a new process');
  const path = await datasets.copy(ROWS, 'ours');
  const openings: Record<(typeof KINDS)[number], Opening[]> = {
    'open-pylon-db': [],
    'open-bare': [],
  };
  for (let round = -1; round < options.effort.rounds; round++) {
    for (const kind of rotated(KINDS, Math.abs(round))) {
      const times = openOnce(kind, path);
      if (round >= 0) openings[kind].push(times);
    }
  }
  datasets.remove(path);
  const figure = (what: string, of: (times: Opening) => number, judged: boolean): Goal => {
    const [ours = 0, bare = 0] = KINDS.map((kind) => median(openings[kind].map(of)));
    return {
      what: `import and open: ${what}`,
      to: 'a bare better-sqlite3 open',
      limit: judged ? LIMIT : Number.POSITIVE_INFINITY,
      unit: 'times',
      value: ours / bare,
      on: `${inRows(ROWS)}; ${ours.toFixed(1)} to ${bare.toFixed(1)} ms`,
    };
  };
  return [
    figure('in the process, CPU time', (times) => times.cpuMs, true),
    figure('in the process, wall clock', (times) => times.wallMs, true),
    figure('whole process, CPU time', (times) => times.processCpuMs, true),
    figure('whole process, wall clock', (times) => times.processWallMs, true),
  ];
}

function openOnce(kind: string, path: string): Opening {
  const start = performance.now();
  const { status, stdout } = spawnSync(process.execPath, [CHILD, kind, path], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const processWallMs = performance.now() - start;
  if (status !== 0) throw new Error(`${kind} ended with ${status}`);
  const times: OpeningTimes = JSON.parse(stdout);
  return { ...times, processWallMs };
}
