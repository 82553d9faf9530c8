import Database from 'better-sqlite3';
import type { Contestant, Entry } from './contestant.js';
import type { Datasets } from './dataset.js';
import { Workload } from './workload.js';

/** A copy of a database, and the values of the calls on it. */
export interface DatabaseCopy {
  readonly path: string;
  readonly workload: Workload;
}

/** A contestant with its open database. */
export class Runner {
  readonly #datasets: Datasets;
  readonly #path: string;
  readonly #checkpointer: Database.Database;

  private constructor(
    datasets: Datasets,
    path: string,
    readonly name: string,
    readonly contestant: Contestant,
    readonly workload: Workload,
    /** Rows in each of its tables. */
    readonly rows: number,
  ) {
    this.#datasets = datasets;
    this.#path = path;
    this.#checkpointer = new Database(path);
  }

  /** Opens a contestant on a copy of its own, or on one that it shares. */
  static async open(
    datasets: Datasets,
    entry: Entry,
    rows: number,
    shared?: DatabaseCopy,
  ): Promise<Runner> {
    const { path, workload } = shared ?? (await copyOf(datasets, entry, rows));
    const contestant = await entry.open(path);
    return new Runner(datasets, path, entry.name, contestant, workload, rows);
  }

  /**
   * Empties the WAL. A checkpoint takes as long as hundreds of small commits; left to chance, it
   * falls into some rounds and not into others.
   */
  checkpoint(): void {
    this.#checkpointer.pragma('wal_checkpoint(passive)');
  }

  /** Closes the database and removes its files. */
  async close(): Promise<void> {
    await this.contestant.close();
    this.#checkpointer.close();
    this.#datasets.remove(this.#path);
  }
}

/** A new copy for contestants of one schema. */
export async function copyOf(
  datasets: Datasets,
  entry: Entry,
  rows: number,
): Promise<DatabaseCopy> {
  return { path: await datasets.copy(rows, entry.schema), workload: new Workload(rows) };
}
