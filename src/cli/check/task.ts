import type Database from 'better-sqlite3';
import { migrations } from '../../../migrations/index.js';
import type { Progress } from '../../backup/progress.js';
import { lookTwice } from '../../backup/second-look.js';
import { isPylonDbError } from '../../errors.js';
import { appliedInFile } from '../../migrate/file-drift.js';
import { findOwnObjects } from '../../migrate/own-objects.js';
import { withSnapshot } from '../export/snapshot.js';
import { fileRows } from '../shell/row-reader.js';
import { type DatabaseFacts, readFacts } from './database-facts.js';
import type { Finding } from './finding.js';
import { type Repaired, repair } from './repair.js';
import { checkRollups, ROLLUP_TABLES } from './rollups.js';
import { type Check, runChecks, type SkippedCheck } from './run-checks.js';
import { checkForeignKeys, checkIntegrity, damagedAt, passedDamage } from './structure.js';

/** How much is read: pages only, all rows too, or also the size of each table and index. */
export type CheckDepth = 'quick' | 'default' | 'full';

/** What the child needs to know. */
export interface CheckInput {
  /** Absolute, without links. */
  readonly path: string;
  readonly depth: CheckDepth;
  /** Makes our own objects again, and counts the rollups where they are wrong. */
  readonly repair: boolean;
  /** How long a repair waits for other processes, in ms. */
  readonly busyTimeoutMs: number;
}

/** What pages and rows say. */
export interface Checked {
  readonly findings: readonly Finding[];
  readonly skipped: readonly SkippedCheck[];
  /** `null` for a file that is too damaged to be asked. */
  readonly database: DatabaseFacts | null;
  readonly repaired: Repaired;
}

/**
 * Checks one committed state of a database, whatever others write meanwhile. Throws what opening
 * throws, `SCHEMA_MISMATCH` for another program's file, and `BUSY` when a repair waited too long.
 */
export async function check(
  input: CheckInput,
  report: (progress: Progress) => void,
): Promise<Checked> {
  const looked = await lookTwice([input.path], () => lookThrough(input, report), damageIn);
  const { isBroken, ...rest } = looked.found;
  const found = { ...rest, findings: [...rest.findings, ...passedDamage(looked.passed)] };
  const isDamaged = found.findings.some((finding) => finding.severity === 'damage');
  // What is counted in a damaged file is no better than what stands there.
  if (!input.repair || isDamaged) return found;
  const isWrong = found.findings.some((finding) => finding.check === 'rollups');
  if (!isWrong && !isBroken) return found;
  const repaired = await repair(input.path, isWrong, input.busyTimeoutMs);
  if (!repaired.rollups) return { ...found, repaired };
  const again = await withSnapshot(input.path, async (db) => checkRollups(db));
  const others = found.findings.filter((finding) => finding.check !== 'rollups');
  return { ...found, findings: [...others, ...again], repaired };
}

export type CheckTask = { readonly name: 'check'; readonly task: typeof check };

function damageIn({ findings }: Checked): string | undefined {
  const damage = findings.filter(({ severity }) => severity === 'damage');
  return damage.length === 0 ? undefined : damage.flatMap(({ rows }) => rows).join('; ');
}

function checksOfFile(db: Database.Database, quick: boolean): Check[] {
  return [
    { name: 'integrity', isQuick: true, run: () => checkIntegrity(db, !quick) },
    { name: 'foreign-keys', run: () => checkForeignKeys(db) },
    { name: 'rollups', reads: ['jobs', 'earnings', ...ROLLUP_TABLES], run: () => checkRollups(db) },
  ];
}

const NOTHING: Repaired = { objects: [], rollups: false };

async function lookThrough(
  { path, depth }: CheckInput,
  report: (progress: Progress) => void,
): Promise<Checked & { readonly isBroken: boolean }> {
  try {
    return await withSnapshot(path, async (db) => {
      const applied = await appliedInFile(db, migrations);
      const quick = depth === 'quick';
      const rows = fileRows(db);
      const found = await runChecks({ own: checksOfFile(db, quick), rows, quick, report });
      const database = readFacts(db, { applied, measure: depth === 'full' });
      const isBroken = findOwnObjects(db, Object.keys(migrations)).broken.length > 0;
      return { ...found, database, repaired: NOTHING, isBroken };
    });
  } catch (error) {
    // It can't even be opened, or its schema can't be read.
    if (!isPylonDbError(error, 'CORRUPT')) throw error;
    const message = error.cause instanceof Error ? error.cause.message : error.problem;
    return {
      findings: damagedAt(message),
      skipped: [],
      database: null,
      repaired: NOTHING,
      isBroken: false,
    };
  }
}
