import { realpathSync, statSync } from 'node:fs';
import { PylonDbError } from '../../errors.js';

/** How long one look holds, in ms: its two stats cost as much as a small statement. */
const LOOK_MS = 1000;

/**
 * Whether an open database still stands at its path, and its -wal next to it. SQLite holds on to
 * files that were moved, deleted or replaced, and what it then commits nobody would find. An
 * overwrite in place keeps the inode, and isn't noticed.
 */
export class FilePlace {
  readonly #path: string;
  readonly #file: FileAt | undefined;
  readonly #wal: FileAt | undefined;
  #seenAtMs = Date.now();
  #nextLookMs = performance.now() + LOOK_MS;
  #problem: string | undefined;

  /** Of a database that has a connection: while it has, nobody's SQLite replaces its -wal. */
  constructor(path: string) {
    this.#path = path;
    this.#file = FileAt.find(path);
    // SQLite keeps it next to the file itself, not next to a link.
    this.#wal = this.#file && FileAt.find(`${realpathSync(path)}-wal`);
  }

  /** Throws `FILE_REPLACED`. Looks at most once per second; once it has thrown, it always does. */
  assertInPlace(): void {
    if (performance.now() >= this.#nextLookMs) this.look();
  }

  /** Looks now. Throws `FILE_REPLACED`. */
  look(): void {
    this.#problem ??= this.#file?.problem ?? this.#wal?.problem;
    if (this.#problem !== undefined) {
      this.#nextLookMs = 0;
      throw replaced(this.#path, this.#problem, this.#seenAtMs);
    }
    this.#seenAtMs = Date.now();
    this.#nextLookMs = performance.now() + LOOK_MS;
  }

  /**
   * Whether closing the last connection may bring the WAL into the file, and delete what stands at
   * the WAL's name. It may when the -wal is only deleted: then it is still whole in our hands.
   */
  get mayBeCheckpointed(): boolean {
    return (this.#file?.state ?? 'same') === 'same' && this.#wal?.state !== 'another';
  }
}

/** A file that stood at a path: no two files have its device and inode at the same time. */
class FileAt {
  private constructor(
    readonly path: string,
    readonly dev: bigint,
    readonly ino: bigint,
  ) {}

  static find(path: string): FileAt | undefined {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found && new FileAt(path, found.dev, found.ino);
  }

  get state(): 'same' | 'missing' | 'another' {
    try {
      const found = FileAt.find(this.path);
      if (found === undefined) return 'missing';
      return found.dev === this.dev && found.ino === this.ino ? 'same' : 'another';
    } catch {
      // A folder that may not be looked into any more says nothing of the file.
      return 'same';
    }
  }

  get problem(): string | undefined {
    const { state } = this;
    if (state === 'same') return undefined;
    return state === 'missing' ? `${this.path} is gone` : `another file stands at ${this.path}`;
  }
}

function replaced(path: string, problem: string, seenAtMs: number) {
  const seen = new Date(seenAtMs).toISOString();
  return new PylonDbError(
    'FILE_REPLACED',
    `${problem}; it was last seen in place at ${seen}`,
    { path, since: Math.floor(seenAtMs / 1000) },
    {
      hint: 'Nothing of this call was stored; what was acknowledged after that moment may be lost. Close it, look for the old file and its -wal, and open it again.',
    },
  );
}
