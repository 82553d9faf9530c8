import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type Database from 'better-sqlite3';
import { identityIn, readFacts } from '../../backup/database-facts.js';
import { fileProblem } from '../../backup/file-problem.js';
import type { BackupManifest } from '../../backup/manifest.js';
import { createExclusively, partialPath, removePartial } from '../../backup/partial-files.js';
import type { Progress } from '../../backup/progress.js';
import { lookTwice } from '../../backup/second-look.js';
import { readUntouched } from '../../backup/untouched.js';
import { connect, createIfMissing } from '../../engine/sqlite/database-file.js';
import { toPylonDbError } from '../../engine/sqlite/sqlite-errors.js';
import { isPylonDbError, PylonDbError } from '../../errors.js';
import { copyInto } from './copy-into.js';
import { type LaterRows, laterRows } from './later-rows.js';
import { type LiveDatabase, lookAtLive, namesAside } from './live-database.js';
import { type Kept, writeRecord } from './record.js';
import { refuseAnotherDatabase, refuseUnknownTriggers, triggersOf } from './refused-backups.js';
import { describeSafetyCopy, type SafetyCopy } from './safety-copy.js';

export interface RestoreInput {
  readonly path: string;
  /** A copy that a dry run looks at in the place of a file that can't be opened where it is. */
  readonly readFrom?: string | undefined;
  readonly backup: string;
  readonly now: number;
  readonly force: boolean;
  readonly replaceOther: boolean;
  readonly dryRun: boolean;
  /** What the backup holds, as it was verified. */
  readonly expected: BackupManifest;
}

/** What stood at the place, and where it is now. */
export interface Replaced extends Kept {
  readonly replaced: LiveDatabase['state'];
  /** What is wrong with a damaged one. */
  readonly problem?: string;
  /** What a whole one holds that the backup doesn't. */
  readonly later?: LaterRows | undefined;
}

/** How far it is, or where it keeps what stands there: reported before anything is changed. */
export type RestoreReport =
  | Progress
  | (Required<Pick<Kept, 'safety_copy'>> & Pick<Replaced, 'later'>)
  | Required<Pick<Kept, 'moved_aside'>>;

type Report = (report: RestoreReport) => void;

/** Restores a verified backup; see `restoreDatabase`, its only caller, for the contract. */
export async function restore(input: RestoreInput, report: Report): Promise<Replaced> {
  const { path, readFrom = path, backup, force, replaceOther, dryRun, expected, now } = input;
  try {
    return await readUntouched(backup, async (readable) => {
      const source = connect(readable, true);
      try {
        const live = await lookAtLive(readFrom, {
          dryRun,
          later: () => laterRows(readFrom, readable),
          force,
          async accept(live) {
            if (!force) await refuseUnknownTriggers(source, live ? triggersOf(live) : new Set());
            if (live === undefined || replaceOther) return;
            const identity = identityIn(source);
            refuseAnotherDatabase({ live, path, backup, manifest: expected, identity });
          },
        });
        if (dryRun) return described(live);
        const { replaced, safetyCopy } = await replace(source, live, input, report);
        await checkRestored(path, expected, replaced, report);
        if (safetyCopy !== undefined) await describeSafetyCopy(safetyCopy, path, now, report);
        return replaced;
      } finally {
        source.close();
      }
    });
  } catch (error) {
    const problem = isPylonDbError(error) ? error : fileProblem(error, path);
    throw toPylonDbError(problem, path);
  }
}

export type RestoreTask = { readonly name: 'restore'; readonly task: typeof restore };

function described(live: LiveDatabase): Replaced {
  switch (live.state) {
    case 'damaged':
      return { replaced: live.state, problem: live.problem };
    case 'whole':
      return { replaced: live.state, later: live.later };
    case 'missing':
      return { replaced: live.state };
  }
}

async function replace(
  source: Database.Database,
  live: LiveDatabase,
  { path, backup, now }: RestoreInput,
  report: Report,
): Promise<{ readonly replaced: Replaced; readonly safetyCopy?: SafetyCopy }> {
  const stamp = freeStamp(path, now);
  // On disk before anything is changed: whoever kills both processes finds it there.
  const keep = (kept: Kept) =>
    writeRecord(path, { backup, started_at: now, outcome: 'interrupted', ...kept });
  if (live.state !== 'whole') {
    const names = live.state === 'damaged' ? namesAside(path, stamp) : [];
    const moved_aside = names.map(([, aside]) => aside);
    keep({ moved_aside });
    if (names.length > 0) report({ moved_aside });
    for (const [file, aside] of names) renameSync(file, aside);
    createIfMissing(path, '');
    try {
      await copyInto({ source, path, safetyCopy: undefined, report });
    } catch (error) {
      // A disk that can't be read makes a sound database look damaged: nothing else must stand there.
      if (statSync(path).size === 0) moveBack(path, names);
      throw error;
    }
    const replaced = described(live);
    return { replaced: moved_aside.length > 0 ? { ...replaced, moved_aside } : replaced };
  }
  const safety_copy = `${path}.before-restore-${stamp}`;
  keep({ safety_copy });
  report({ safety_copy, later: live.later });
  const sha256 = await atPageSize(source, live.pageSizeBytes, path, (fitting) =>
    copyInto({ source: fitting, path, safetyCopy: safety_copy, report }),
  );
  const replaced = { ...described(live), safety_copy };
  return sha256 === undefined
    ? { replaced }
    : { replaced, safetyCopy: { path: safety_copy, sha256 } };
}

/** The database first: next to an empty one, SQLite would delete its -wal. */
function moveBack(path: string, names: readonly (readonly [file: string, aside: string])[]): void {
  if (names.length === 0) return;
  rmSync(`${path}-journal`, { force: true });
  for (const [file, aside] of names) renameSync(aside, file);
}

/** Programs that have the page size in their configuration find the one that they know. */
async function atPageSize<Result>(
  source: Database.Database,
  pageSizeBytes: number,
  path: string,
  work: (fitting: Database.Database) => Promise<Result>,
): Promise<Result> {
  if (source.pragma('page_size', { simple: true }) === pageSizeBytes) return await work(source);
  const staged = partialPath(dirname(path), `${basename(path)}.staged`);
  try {
    createExclusively(staged);
    source.pragma(`page_size = ${pageSizeBytes}`);
    source.prepare('vacuum into ?').run(staged);
    const fitting = connect(staged, true);
    try {
      return await work(fitting);
    } finally {
      fitting.close();
    }
  } finally {
    removePartial(staged);
  }
}

/** The new database, looked through; then back in WAL mode, as published. */
async function checkRestored(
  path: string,
  expected: BackupManifest,
  { safety_copy }: Replaced,
  report: Report,
): Promise<void> {
  const { found } = await lookTwice([path], () => readFacts(path, report));
  const same = (['rows', 'foreign_key_violations', 'migrations'] as const).every(
    (fact) => JSON.stringify(found[fact]) === JSON.stringify(expected[fact]),
  );
  if (!same) {
    throw new PylonDbError(
      'CORRUPT',
      `${path} doesn't hold what the backup held`,
      {},
      {
        hint: `Restore again${safety_copy === undefined ? '' : `; what was there before is ${safety_copy}`}.`,
      },
    );
  }
  const db = connect(path, false);
  db.pragma('journal_mode = wal');
  db.close();
}

/** `20261123T021330Z`, with a number behind it when files of that name stand next to the database. */
function freeStamp(path: string, now: number): string {
  const second = new Date(now * 1000).toISOString().replace(/[-:]|\.\d+/g, '');
  const names = readdirSync(dirname(path));
  for (let i = 1; ; i++) {
    const stamp = i === 1 ? second : `${second}-${i}`;
    if (!names.some((name) => name.endsWith(stamp))) return stamp;
  }
}
