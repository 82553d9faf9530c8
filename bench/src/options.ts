import { existsSync, mkdtempSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Effort } from './measure.js';

/** What a benchmark runs on. */
export type EngineName = 'sqlite' | 'postgres';

/** What a run does. */
export interface Options {
  readonly engine: EngineName;
  /** Smallest first; empty when the engine has a default of its own. */
  readonly scales: readonly number[];
  readonly effort: Effort;
  readonly quick: boolean;
  readonly publish: boolean;
  /** A new folder for the databases, removed at the end. */
  readonly folder: string;
  /** Whether this run leaves nothing out. */
  readonly wantsAll: boolean;
  /** Whether an operation or a section is wanted. */
  wants(name: string): boolean;
}

const HELP = `Usage: npm run bench -- [options]

  --engine NAME   sqlite (the default), or postgres: a server of its own on loopback, in the temp
                  folder, from what is installed; under three minutes, --quick under one
  --quick         10 thousand and 100 thousand rows, fewer rounds; under a minute
  --scale N       rows in jobs, earnings and ticks; may be repeated (default 10000, 100000, 1000000);
                  10000000 takes 12 minutes and 60 GB
  --only A,B      only these operations and sections (names below)
  --dir FOLDER    where SQLite's databases go (default /dev/shm when there is room, else the temp
                  folder)
  --publish       also write docs/bench.json and docs/bench.svg
  --help
`;

const FULL: Effort = { rounds: 25, turnMs: 12, warmUpMs: 150, warmUpCalls: 3000, budgetMs: 1000 };
const QUICK: Effort = { rounds: 7, turnMs: 3, warmUpMs: 40, warmUpCalls: 250, budgetMs: 120 };

const MEMORY_FOLDER = '/dev/shm';

/** Bytes that one row of each table takes in all copies of a scale together. */
const BYTES_A_ROW = 12_000;

/**
 * Reads the command line; `names` are what `--only` may name, by engine. Exits for `--help` and
 * mistakes.
 */
export function readOptions(names: Readonly<Record<EngineName, readonly string[]>>): Options {
  const values = parse();
  if (values.help) {
    const lines = Object.entries(names).map(([engine, own]) => `On ${engine}: ${own.join(' ')}`);
    console.log(`${HELP}\n${lines.join('\n')}`);
    process.exit();
  }
  const { engine } = values;
  if (engine !== 'sqlite' && engine !== 'postgres') {
    refuse(`--engine: sqlite or postgres, not ${engine}`);
  }
  const only = values.only?.split(',');
  for (const name of only ?? []) {
    const known = names[engine];
    if (!known.includes(name)) refuse(`--only: there is no ${name} (of ${known.join(', ')})`);
  }
  const given = values.scale?.map(toScale);
  if (values.publish && (only !== undefined || values.quick || given !== undefined)) {
    refuse('--publish: only what a whole run measured');
  }
  if (engine === 'postgres' && (values.publish || values.dir !== undefined)) {
    refuse('--publish, --dir: only for SQLite');
  }
  const scales = given ?? defaultScales(engine, values.quick);
  return {
    engine,
    scales: scales.sort((a, b) => a - b),
    effort: values.quick ? QUICK : FULL,
    quick: values.quick,
    publish: values.publish,
    folder: mkdtempSync(join(parentFolder(values.dir, Math.max(0, ...scales)), 'pylon-db-bench-')),
    wantsAll: only === undefined,
    wants: (name) => only?.includes(name) ?? true,
  };
}

function defaultScales(engine: EngineName, quick: boolean): number[] {
  if (engine === 'postgres') return [];
  return quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000];
}

function toScale(text: string): number {
  const rows = Number(text);
  if (Number.isInteger(rows) && rows >= 2000 && rows <= 10_000_000) return rows;
  return refuse(`--scale: a number of rows from 2000 to 10000000, not ${text}`);
}

function parentFolder(dir: string | undefined, rows: number): string {
  if (dir !== undefined) return existsSync(dir) ? resolve(dir) : refuse(`--dir: no folder ${dir}`);
  const fits = existsSync(MEMORY_FOLDER) && freeBytes(MEMORY_FOLDER) > rows * BYTES_A_ROW;
  return fits ? MEMORY_FOLDER : tmpdir();
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return Math.min(bavail * bsize, freemem());
}

function refuse(problem: string): never {
  console.error(problem);
  process.exit(2);
}

function parse() {
  try {
    return parseArgs({
      options: {
        engine: { type: 'string', default: 'sqlite' },
        quick: { type: 'boolean', default: false },
        scale: { type: 'string', multiple: true },
        only: { type: 'string' },
        dir: { type: 'string' },
        publish: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
