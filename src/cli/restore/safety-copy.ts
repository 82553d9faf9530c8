import {
  closeSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { basename, dirname } from 'node:path';
import { readFacts } from '../../backup/database-facts.js';
import { canonical } from '../../backup/live-files.js';
import { manifestPath } from '../../backup/manifest.js';
import { createExclusively, partialPath, removePartial } from '../../backup/partial-files.js';
import type { Progress } from '../../backup/progress.js';
import { lookTwice } from '../../backup/second-look.js';
import { isPylonDbError, PylonDbError } from '../../errors.js';
import { copyByAnotherProcess } from './copy-elsewhere.js';

/** Where SQLite's header says that a file is in WAL mode (2), and not alone then. */
const MODE_OFFSET = 18;
const ROLLBACK_MODE = 1;

/**
 * Copies a locked database, byte by byte and synced, and gives its SHA-256. Another process does it:
 * one that closed the file here would drop the locks of SQLite's connections.
 */
export function takeSafetyCopy(
  path: string,
  copy: string,
  report: (progress: Progress) => void,
): string {
  const total = statSync(path).size;
  report({ step: 'saving', done: 0, total, unit: 'bytes' });
  const partial = partialPath(dirname(copy), basename(copy));
  try {
    createExclusively(partial);
    const sha256 = copyByAnotherProcess(path, partial);
    assertUnchanged(partial, total);
    renameSync(partial, copy);
    report({ step: 'saving', done: total, total, unit: 'bytes' });
    return sha256;
  } finally {
    removePartial(partial);
  }
}

/** A safety copy as it was made. */
export interface SafetyCopy {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Gives the safety copy a manifest, so that it can be restored like any backup. Another program's
 * database, or an empty file, gets none: it is not a backup of ours. Its pages were checked before they
 * were copied.
 */
export async function describeSafetyCopy(
  { path: copy, sha256 }: SafetyCopy,
  source: string,
  now: number,
  report: (progress: Progress) => void,
): Promise<void> {
  const { found: facts } = await lookTwice([copy], () => factsOfOurs(copy, report));
  if (facts === undefined) return;
  const bytes = { size_bytes: statSync(copy).size, sha256 };
  const { version }: { version: string } = createRequire(import.meta.url)('pylon-db/package.json');
  const of = { created_at: now, source: canonical(source), host: hostname() };
  const manifest = { format: 1, pylon_db: version, ...of, ...facts, ...bytes };
  createExclusively(manifestPath(copy));
  writeFileSync(manifestPath(copy), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
}

function factsOfOurs(copy: string, report: (progress: Progress) => void) {
  try {
    return readFacts(copy, report, { isIntact: true });
  } catch (error) {
    if (isPylonDbError(error, 'SCHEMA_MISMATCH')) return undefined;
    throw error;
  }
}

/** In WAL mode again: another program opened the file in the moment before the lock. */
function assertUnchanged(copy: string, size: number): void {
  const file = openSync(copy, 'r+');
  try {
    const header = Buffer.alloc(MODE_OFFSET + 1);
    readSync(file, header, 0, header.length, 0);
    if (size > 0 && (statSync(copy).size !== size || header[MODE_OFFSET] !== ROLLBACK_MODE)) {
      throw new PylonDbError(
        'IN_USE',
        'another program opened the database meanwhile',
        { pids: [] },
        { hint: 'Nothing was changed. End it, and restore again.' },
      );
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
