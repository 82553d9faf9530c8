import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Destination, isTaken, taken } from './destination.js';
import { type BackupManifest, manifestPath } from './manifest.js';
import { createExclusively, discard, partialPath, removePartial } from './partial-files.js';

/**
 * Gives a finished, synced partial file its final name and its manifest, and returns the path. At
 * no moment does a manifest stand next to a database that it doesn't describe. Throws
 * `INVALID_ARGUMENT` when all names are taken, and errors of the file system.
 */
export function place(
  partial: string,
  { folder, names, force }: Destination,
  manifest: BackupManifest,
  operation: string,
): string {
  const [first = ''] = names;
  if (force) return replace(partial, join(folder, first), manifest);
  let renamed = partial;
  try {
    for (const name of names) {
      const path = join(folder, name);
      if (isTaken(path)) continue;
      // The partial file names what its manifest is reserved for, so that the next run finds both.
      const next = partialPath(folder, name);
      renameSync(renamed, next);
      renamed = next;
      if (!reserve(path)) continue;
      putBeside(renamed, path, manifest);
      return path;
    }
  } finally {
    removePartial(renamed);
  }
  throw taken(join(folder, first), operation);
}

/** Takes the name of the manifest; false when another run was faster. */
function reserve(path: string): boolean {
  try {
    createExclusively(manifestPath(path));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The manifest first: a kill in between leaves no backup without one. */
function putBeside(partial: string, path: string, manifest: BackupManifest): void {
  try {
    renameSync(writeManifest(path, manifest), manifestPath(path));
    syncFolderOf(path);
    renameSync(partial, path);
  } catch (error) {
    discard(manifestPath(path));
    throw error;
  }
  syncFolderOf(path);
}

/** The old manifest goes first: neither may stand next to the database of the other. */
function replace(partial: string, path: string, manifest: BackupManifest): string {
  const written = writeManifest(path, manifest);
  try {
    rmSync(manifestPath(path), { force: true });
    syncFolderOf(path);
    renameSync(partial, path);
    syncFolderOf(path);
    renameSync(written, manifestPath(path));
  } finally {
    removePartial(written);
  }
  syncFolderOf(path);
  return path;
}

/** Writes the manifest of a backup, synced, under a name of its own, which it returns. */
function writeManifest(backup: string, manifest: BackupManifest): string {
  const partial = partialPath(dirname(backup), basename(manifestPath(backup)));
  try {
    createExclusively(partial);
    writeFileSync(partial, `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
    return partial;
  } catch (error) {
    removePartial(partial);
    throw error;
  }
}

/** Makes renames in the folder outlive a power cut. */
function syncFolderOf(path: string): void {
  let folder: number | undefined;
  try {
    folder = openSync(dirname(path), 'r');
    fsyncSync(folder);
  } catch {
    // Some network file systems can't, and do it by themselves. What is renamed stays: an error
    // now would refuse a backup that is there.
  } finally {
    if (folder !== undefined) closeSync(folder);
  }
}
