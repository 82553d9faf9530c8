import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { snapshot } from '../../src/backup/snapshot.js';
import { verifyFile } from '../../src/backup/verify-file.js';
import { repair } from '../../src/cli/check/repair.js';
import { restore } from '../../src/cli/restore/task.js';
import { vacuum } from '../../src/cli/vacuum/task.js';
import { isPylonDbError, PylonDb } from '../../src/index.js';
import { FailingCalls, type Fault } from './failing-calls.js';
import {
  afterCrash,
  areTotalsRight,
  inFile,
  LONG,
  misfits,
  pay,
  rowsOf,
  unsound,
  type Write,
} from './io-errors-file.js';
import { Random } from './random.js';

// Runs one operation again and again, each time on a fresh copy of one file, while another call of
// the system fails: the first ones, then some of all the others, until none is left to fail. Prints
// what it found.

const BUSY_TIMEOUT_MS = 200;

/**
 * Calls of one kind that fail in turn, and as many of all the others: those mostly repeat the work of
 * the first on other pages.
 */
const FIRST_CALLS = 8;

/** Places from which on every call fails, first and later ones alike. */
const FIRST_BEGINNINGS = 3;

/** A call that no operation comes to. */
const NEVER = 1_000_000;

/** What a backup does outside of the process that copies. */
const OWN_CALLS_OF_BACKUP: ReadonlySet<string> = new Set(['sync', 'rename', 'open', 'unlink']);

type Kind = Pick<Fault, 'call' | 'error' | 'half'>;

/** How calls fail, and what each may make of a call of ours. */
const KINDS: readonly (Kind & { readonly codes: readonly string[] })[] = [
  { call: 'write', error: 'EIO', codes: ['ABORTED', 'COMMIT_UNKNOWN'] },
  { call: 'write', error: 'EIO', half: true, codes: ['ABORTED', 'COMMIT_UNKNOWN'] },
  // The -shm is written too: SQLite reports its growth as an I/O error.
  { call: 'write', error: 'ENOSPC', codes: ['DISK_FULL', 'ABORTED', 'COMMIT_UNKNOWN'] },
  { call: 'sync', error: 'EIO', codes: ['ABORTED', 'COMMIT_UNKNOWN'] },
  { call: 'truncate', error: 'EIO', codes: ['ABORTED', 'COMMIT_UNKNOWN'] },
  { call: 'map', error: 'ENOMEM', codes: ['ABORTED', 'COMMIT_UNKNOWN'] },
  // SQLite takes a page that can't be read for a damaged one.
  { call: 'read', error: 'EIO', codes: ['CORRUPT', 'ABORTED', 'COMMIT_UNKNOWN'] },
  { call: 'rename', error: 'EIO', codes: ['ABORTED'] },
  // SQLite says CANTOPEN for whatever kept it from opening a file.
  { call: 'open', error: 'EIO', codes: ['CANNOT_OPEN', 'ABORTED', 'COMMIT_UNKNOWN'] },
  { call: 'open', error: 'EMFILE', codes: ['CANNOT_OPEN', 'ABORTED', 'COMMIT_UNKNOWN'] },
  { call: 'unlink', error: 'EIO', codes: ['ABORTED', 'COMMIT_UNKNOWN'] },
];

const [folder = '', control = '', operation = '', seed = '1'] = process.argv.slice(2);
const calls = new FailingCalls(control);
const template = join(folder, 'template.db');
const backup = join(folder, 'backup.db');
const place = join(folder, 'at-fault');
const path = join(place, 'pylon.db');
const random = new Random(Number(seed));
const problems: string[] = [];
const ends: Record<string, number> = {};
let codes: readonly string[] = [];
let now = '';

function report(found: readonly string[], where: string): void {
  for (const problem of found) problems.push(`${now}: ${where}: ${problem}`);
}

/** How a call ended; a code that doesn't fit the fault is a problem. */
async function endOf(call: Promise<unknown>): Promise<string> {
  const end = await call.then(
    () => 'done',
    (error: unknown) => (isPylonDbError(error) ? error.code : String(error)),
  );
  if (end !== 'done' && !codes.includes(end)) report([end], 'code');
  ends[end] = (ends[end] ?? 0) + 1;
  return end;
}

async function ended(jobs: readonly string[], call: Promise<unknown>): Promise<Write> {
  return { jobs, end: await endOf(call) };
}

async function commits(db: PylonDb): Promise<readonly Write[]> {
  const alone = await ended(['0'], pay(db, '0'));
  const together = await Promise.all(['1', '2', '3'].map((id) => ended([id], pay(db, id))));
  const both = db.transaction(async (tx) => {
    await pay(tx, '4');
    await pay(tx, '5');
  });
  return [alone, ...together, await ended(['4', '5'], both)];
}

/** Ends the fault, looks at what a crash would leave and at the file, and writes once more. */
async function settle(look: (db: Parameters<typeof unsound>[0]) => string[]): Promise<void> {
  report(afterCrash(path, look), 'after a crash');
  report(inFile(path, look), 'in the file');
  const db = await PylonDb.open(path, { busyTimeoutMs: BUSY_TIMEOUT_MS });
  await db.jobs.create({ id: 'alive', kind: 1, customer_pubkey: 'x' });
  await db.close();
}

const open = (durability: 'normal' | 'full' = 'normal') =>
  PylonDb.open(path, { durability, busyTimeoutMs: BUSY_TIMEOUT_MS });

const OPERATIONS: Readonly<Record<string, (fault: Faults) => Promise<void>>> = {
  async commit(fault) {
    const db = await open('full');
    fault.begin();
    const writes = await commits(db);
    fault.end();
    report(
      afterCrash(path, (crashed) => misfits(crashed, writes)),
      'after a crash',
    );
    await db.jobs.create({ id: 'same', kind: 1, customer_pubkey: 'x' });
    await db.close();
    await settle((closed) => misfits(closed, writes));
  },

  async checkpoint(fault) {
    const db = await open();
    const writes = await commits(db);
    fault.begin();
    // Closing the last connection checkpoints.
    await endOf(db.close());
    fault.end();
    await settle((closed) => misfits(closed, writes));
  },

  async vacuum(fault) {
    fault.begin();
    await endOf(vacuum({ path, busyTimeoutMs: BUSY_TIMEOUT_MS }, () => {}));
    fault.end();
    const rows = inFile(template, rowsOf);
    await settle((db) => [...unsound(db), ...(rowsOf(db) === rows ? [] : ['rows'])]);
  },

  async 'check --repair'(fault) {
    inFile(path, (db) => db.exec('update pylon_db_job_totals set count = 77'));
    fault.begin();
    const end = await endOf(repair(path, true, BUSY_TIMEOUT_MS));
    fault.end();
    const fits = (isRight: boolean) => end === 'COMMIT_UNKNOWN' || isRight === (end === 'done');
    await settle((db) => (fits(areTotalsRight(db)) ? [] : [`a repair that ended as ${end}`]));
    await repair(path, true, BUSY_TIMEOUT_MS);
    report(inFile(path, unsound), 'after the next repair');
  },

  async snapshot(fault) {
    const into = join(place, 'copy.db');
    writeFileSync(into, '');
    fault.begin();
    const end = await endOf(snapshot({ source: path, into }, () => {}));
    fault.end();
    if (end === 'done') report(inFile(into, unsound), 'in the copy');
    await settle(unsound);
  },

  async backup(fault) {
    const copies = join(place, 'copies');
    mkdirSync(copies);
    const db = await open();
    fault.begin('copies');
    const end = await endOf(db.backup(join(copies, 'copy.db')));
    fault.end();
    await db.close();
    const isThere = existsSync(join(copies, 'copy.db'));
    if (isThere !== (end === 'done')) report([end], 'a backup that is there, or not');
    if (isThere) report(inFile(join(copies, 'copy.db'), unsound), 'in the backup');
    await settle(unsound);
  },

  async restore(fault) {
    const facts = await verifyFile({ path: backup, expected: undefined }, () => {});
    const expected = { format: 1, pylon_db: '', created_at: 0, source: path, ...facts } as const;
    const [old, fresh] = [template, backup].map((file) => inFile(file, rowsOf));
    fault.begin();
    const input = {
      path,
      backup,
      now: 1,
      force: false,
      replaceOther: true,
      dryRun: false,
      expected,
    };
    const end = await endOf(restore(input, () => {}));
    fault.end();
    await settle((db) => {
      const rows = rowsOf(db);
      const fits = rows === fresh || (rows === old && end !== 'done');
      return [...unsound(db), ...(fits ? [] : [`rows after ${end}`])];
    });
  },
};

/** The fault of one run. */
class Faults {
  failed = 0;
  readonly #fault: Omit<Fault, 'file'>;

  constructor(fault: Omit<Fault, 'file'>) {
    this.#fault = fault;
  }
  begin(file: string = basename(place)): void {
    calls.begin({ ...this.#fault, file });
  }
  end(): void {
    this.failed = calls.end();
  }
}

async function makeTemplate(): Promise<void> {
  const db = await PylonDb.open(template);
  for (let id = 0; id <= 5; id++) {
    await db.jobs.create({ id: String(id), kind: 1, customer_pubkey: 'x' });
  }
  await db.backup(backup);
  await db.jobs.create({ id: 'later', kind: 1, customer_pubkey: LONG });
  await db.close();
}

/** Runs the operation while a call fails; false when there was none to fail. */
async function hits(fault: Omit<Fault, 'file'>): Promise<boolean> {
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  copyFileSync(template, path);
  const faults = new Faults(fault);
  try {
    await OPERATIONS[operation]?.(faults);
  } catch (error) {
    report([`${String(error)} ${String(Object(error).cause?.code)}`], 'not alive');
  }
  return faults.failed > 0;
}

/** How many calls of a kind the operation makes. */
async function countOf(kind: Kind): Promise<number> {
  await hits({ ...kind, nth: NEVER, times: 1 });
  return calls.passed(NEVER);
}

/** The first `first` of `count` calls, and as many of the others. */
function chosen(count: number, first: number): number[] {
  const rest = Math.max(0, count - first);
  const later = random.list(Math.min(first, rest), () => first + 1 + random.int(rest));
  const firsts = Array.from({ length: Math.min(first, count) }, (_, i) => i + 1);
  return [...firsts, ...new Set(later)];
}

await makeTemplate();
let runs = 0;
for (const { codes: fitting, ...kind } of KINDS) {
  codes = fitting;
  // What else a backup does is the snapshot's, in a process of its own.
  if (operation === 'backup' && !OWN_CALLS_OF_BACKUP.has(kind.call)) continue;
  now = `${kind.call}, none failing`;
  const count = await countOf(kind);
  for (const [times, first] of [
    [1, FIRST_CALLS],
    [-1, FIRST_BEGINNINGS],
  ] as const) {
    for (const nth of chosen(count, first)) {
      now = `${kind.call} ${kind.error}${kind.half ? ', half' : ''}, ${nth}. of ${times}`;
      if (await hits({ ...kind, nth, times })) runs += 1;
    }
  }
}
writeSync(1, `${JSON.stringify({ runs, ends, problems })}\n`);
