import type Database from 'better-sqlite3';
import { BLOCKING_TIMEOUT_MS, CHECKPOINT_PAGES } from './pragmas.js';

/** Units between two looks at the WAL: one costs a tenth of a small commit. */
const UNITS_PER_LOOK = 16;

/** Pages from which on writes wait for the WAL: half of the four thresholds that it may reach. */
const HOLD_PAGES = 2 * CHECKPOINT_PAGES;

/** How much the WAL grows, at the least, between two tries that others were in the way of. */
const GROWTH_PER_TRY = 1.1;

/** And how long it may wait for the next, in ms: whoever kept the WAL may be gone. */
const LONGEST_WAIT_MS = 1000;

/** How long writes wait for another process's checkpoint, in ms: a slow disk takes so long. */
const HOLD_FOR_CHECKPOINT_MS = 1000;

/** How long they wait for readers, in ms: those of a snapshot take longer, and go on meanwhile. */
const HOLD_FOR_READERS_MS = 50;

/** Between two tries while writes wait, in ms. */
const PAUSE_MS = 5;

/** How long a try may block for readers while writes wait, in ms; no other can write either. */
const BLOCKING_MS = 8;

interface Checkpoint {
  /** 1 when others were in the way. */
  readonly busy: number;
  /** Pages in the WAL; negative while another connection makes a checkpoint. */
  readonly log: number;
}

/**
 * Keeps the WAL small while other processes write and read all the time. The checkpoint that SQLite
 * makes with a commit waits for nobody: it leaves what others commit meanwhile, and the WAL begins
 * anew only when nothing is left and nobody reads. So where the WAL stays above its threshold, this
 * takes the write lock for what is left and waits a moment for readers. Where the WAL grows faster
 * than the disk takes a checkpoint, writes wait, and the event loop doesn't.
 */
export class WalLimit {
  readonly #db: Database.Database;
  readonly #look: Database.Statement<[], Checkpoint>;
  readonly #restart: Database.Statement<[], Checkpoint>;
  #units = 0;
  #nextTryPages = CHECKPOINT_PAGES;
  #nextTryMs = 0;
  /** Until when writes wait; 0 when they don't. */
  #holdUntilMs = 0;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#look = db.prepare<[], Checkpoint>('pragma wal_checkpoint(noop)');
    this.#restart = db.prepare<[], Checkpoint>('pragma wal_checkpoint(restart)');
  }

  /** So many units were committed just now. */
  committed(units: number): void {
    this.#units += units;
    if (this.#units < UNITS_PER_LOOK) return;
    this.#units = 0;
    const pages = this.#pages();
    if (pages < CHECKPOINT_PAGES) {
      this.#nextTryPages = CHECKPOINT_PAGES;
      return;
    }
    const now = performance.now();
    if (pages < this.#nextTryPages && now < this.#nextTryMs) return;
    this.#nextTryPages = pages * GROWTH_PER_TRY;
    this.#nextTryMs = now + LONGEST_WAIT_MS;
    const kept = this.#tryRestart(BLOCKING_TIMEOUT_MS);
    if (kept === undefined || pages < HOLD_PAGES) return;
    this.#holdUntilMs =
      now + (kept === 'by a checkpoint' ? HOLD_FOR_CHECKPOINT_MS : HOLD_FOR_READERS_MS);
  }

  /** How long the next write shall wait, in ms; asked again after that. */
  get pauseMs(): number {
    if (this.#holdUntilMs === 0) return 0;
    const isOver =
      performance.now() >= this.#holdUntilMs ||
      this.#pages() < HOLD_PAGES ||
      this.#tryRestart(BLOCKING_MS) === undefined;
    if (!isOver) return PAUSE_MS;
    this.#holdUntilMs = 0;
    return 0;
  }

  #pages(): number {
    try {
      return this.#look.get()?.log ?? 0;
    } catch {
      return 0;
    }
  }

  /** Lets the next write begin the WAL anew; otherwise gives what keeps it. */
  #tryRestart(blockingMs: number): 'by a checkpoint' | 'by others' | undefined {
    try {
      this.#db.pragma(`busy_timeout = ${blockingMs}`);
      const { busy = 0, log = 0 } = this.#restart.get() ?? {};
      if (busy !== 0) return log < 0 ? 'by a checkpoint' : 'by others';
      this.#nextTryPages = CHECKPOINT_PAGES;
      return undefined;
    } catch {
      // A disk that can't be written stores no commit either, and that one reports it.
      return 'by others';
    } finally {
      this.#db.pragma(`busy_timeout = ${BLOCKING_TIMEOUT_MS}`);
    }
  }
}
