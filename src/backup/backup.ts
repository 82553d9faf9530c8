import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { PylonDbError } from '../errors.js';
import { type BackupOptions, checkInput } from './backup-options.js';
import { type BackupSource, copy, ListenerFailure, largest } from './copy.js';
import { resolveDestination } from './destination.js';
import { fileProblem } from './file-problem.js';
import { canonical } from './live-files.js';
import type { BackupFacts, BackupManifest } from './manifest.js';
import { createExclusively, partialPath, removeLeftovers, removePartial } from './partial-files.js';
import { place } from './place.js';

/** A finished backup. */
export interface Backup {
  /** The absolute path of the file; its manifest is next to it, with `.json` after the name. */
  readonly path: string;
  readonly manifest: BackupManifest;
}

/** Makes, verifies and places a backup; see `PylonDb.backup`, its only caller, for the contract. */
export async function makeBackup(
  source: BackupSource,
  destination: string,
  options: BackupOptions,
): Promise<Backup> {
  const operation = 'db.backup';
  checkInput(destination, options, operation);
  const { force = false, signal } = options;
  assertNotAborted(signal, operation);
  const to = resolveDestination({
    destination,
    source: source.path,
    createdAt: source.now,
    force,
    operation,
  });
  const partial = partialPath(to.folder, to.names[0] ?? '');
  try {
    removeLeftovers(to.folder);
    createExclusively(partial);
    const facts = await copy(source, partial, options, operation);
    await sync(partial);
    assertNotAborted(signal, operation);
    const manifest = manifestOf(source, facts);
    return { path: place(partial, to, manifest, operation), manifest };
  } catch (error) {
    if (error instanceof ListenerFailure) throw error.thrown;
    // Before what is free is looked at.
    removePartial(partial);
    throw fileProblem(error, to.folder, operation, largest(source));
  } finally {
    removePartial(partial);
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function manifestOf({ path, now }: BackupSource, facts: BackupFacts): BackupManifest {
  // By its own name, so that it is found from src and from dist.
  const { version }: { version: string } = createRequire(import.meta.url)('pylon-db/package.json');
  return {
    format: 1,
    pylon_db: version,
    created_at: now,
    source: canonical(path),
    host: hostname(),
    ...facts,
  };
}

function assertNotAborted(signal: AbortSignal | undefined, operation: string): void {
  if (signal?.aborted !== true) return;
  throw new PylonDbError(
    'ABORTED',
    'it was stopped before its end',
    {},
    { operation, cause: signal.reason, hint: 'Nothing is left of it. Run it again.' },
  );
}
