import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contestant } from '../contestant.js';
import { handWritten, pylonDbFull } from '../contestants/index.js';
import type { Context } from '../context.js';
import { Datasets } from '../dataset.js';
import { type Goal, inRows } from '../goals.js';
import { median, rotated, timed } from '../measure.js';
import { Workload } from '../workload.js';

const ROWS = 10_000;
const CALLERS = 100;

/** Where a WAL starts over: 4000 pages. */
const WAL_BYTES = 4000 * 4096;

/**
 * 100 concurrent ticks that outlive a power cut, to 100 hand-written transactions that don't, both
 * on the disk; one fsync per batch, measured alongside, is taken off ours. By the wall's clock.
 */
export async function durability({ options, progress }: Context): Promise<Goal[]> {
  progress('durability on the disk');
  const folder = mkdtempSync(join(tmpdir(), 'pylon-db-bench-'));
  try {
    const datasets = new Datasets(folder);
    const path = await datasets.copy(ROWS, pylonDbFull.schema);
    const ours = await pylonDbFull.open(path);
    const theirs = await handWritten.open(await datasets.copy(ROWS, handWritten.schema));
    const [ourWork, theirWork] = [new Workload(ROWS), new Workload(ROWS)];

    await batch(ours, ourWork)();
    const before = statSync(`${path}-wal`).size;
    await batch(ours, ourWork)();
    const batchBytes = Math.max(statSync(`${path}-wal`).size - before, 4096);
    const disk = new Probe(join(folder, 'fsync'));

    const times = { ours: [] as number[], theirs: [] as number[], fsync: [] as number[] };
    for (let round = -2; round < options.effort.rounds; round++) {
      const turns = {
        ours: () => timed(1, batch(ours, ourWork)),
        theirs: () => timed(1, batch(theirs, theirWork)),
        fsync: () => disk.append(batchBytes),
      };
      for (const kind of rotated(['ours', 'theirs', 'fsync'] as const, Math.abs(round))) {
        const { wallUs } = await turns[kind]();
        if (round >= 0) times[kind].push(wallUs);
      }
    }
    disk.close();
    await ours.close();
    await theirs.close();
    const [our, their, fsync] = [median(times.ours), median(times.theirs), median(times.fsync)];
    return [
      {
        what: "100 concurrent ticks, durability 'full', on disk, less one fsync",
        to: 'hand-written NORMAL',
        limit: 0.35,
        unit: 'times',
        value: (our - fsync) / their,
        on: `${inRows(ROWS)}; (${ms(our)} − fsync ${ms(fsync)}) / ${ms(their)} ms, by wall clock`,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ms = (us: number) => (us / 1000).toFixed(2);

function batch(contestant: Contestant, workload: Workload): () => Promise<unknown> {
  const ticks = Array.from({ length: CALLERS }, () => workload.newTick());
  return () => Promise.all(ticks.map(({ npub, tick }) => contestant.recordTick(npub, tick)));
}

/** Grows and starts over as a WAL does, one fsync at a time. */
class Probe {
  readonly #file: number;
  #end = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  /** Writes as many bytes as a batch leaves in the WAL, and times the fsync after. */
  async append(bytes: number): Promise<{ wallUs: number }> {
    if (this.#end > WAL_BYTES) this.#end = 0;
    writeSync(this.#file, Buffer.alloc(bytes, 1), 0, bytes, this.#end);
    this.#end += bytes;
    return await timed(1, async () => fsyncSync(this.#file));
  }

  close(): void {
    closeSync(this.#file);
  }
}
