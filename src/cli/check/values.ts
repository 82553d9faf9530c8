import { sql } from 'kysely';
import { AGENT_ROWS, agentInput } from '../../agents/agent.js';
import { TICK_ROWS, tickInput } from '../../agents/tick.js';
import { EARNING_ROWS, earningInput } from '../../earnings/earning.js';
import { isPylonDbError } from '../../errors.js';
import { JOB_ROWS, jobInput } from '../../jobs/job.js';
import { systemClock } from '../../options.js';
import { integer, key, MAX_TIMESTAMP, object, timestamp } from '../../schema/input.js';
import type { PublishedName } from '../../schema/names.js';
import { PUBLISHED_COLUMNS } from '../../schema/tables.js';
import type { RowReader } from '../shell/row-reader.js';
import { counted } from '../shell/units.js';
import { type Finding, findingsOf, rowName, type Severity, Tally } from './finding.js';

type Row = Record<string, unknown>;

/** The rules of what services store in a table. */
interface Rules {
  readonly key: string;
  /** Throws `INVALID_ARGUMENT` naming the column. */
  check(row: Row): void;
  /** The rows of the service that reads them: some can be given that would not have been stored. */
  readonly rows?: { canRead(column: string, value: unknown): boolean };
}

/** What the service sets by itself. */
const tickFrame = object({ id: integer(), agent_npub: key, created_at: timestamp });

/** A row of the ledger, whoever wrote it. */
const ledgerRow = object({ id: integer(), name: key, applied_at: timestamp });

const RULES: Readonly<Record<CheckedTable, Rules>> = {
  migrations: {
    key: 'name',
    check: (row) => ledgerRow(row, 'result', ''),
  },
  jobs: {
    key: 'id',
    check: (row) => jobInput.job(row, 'job', ''),
    rows: JOB_ROWS,
  },
  earnings: {
    key: 'id',
    check: (row) => earningInput.stored(row, 'earning', ''),
    rows: EARNING_ROWS,
  },
  agents: {
    key: 'npub',
    check: (row) => agentInput.agent(row, 'agent', ''),
    rows: AGENT_ROWS,
  },
  tick_history: {
    key: 'id',
    check: ({ id, agent_npub, created_at, ...tick }) => {
      tickFrame({ id, agent_npub, created_at }, 'tick', '');
      tickInput.tick(tick, 'tick', '');
    },
    rows: TICK_ROWS,
  },
};

/** A table whose values are checked. */
export type CheckedTable = PublishedName;

/** The tables whose values are checked, in their order. */
export const CHECKED_TABLES = Object.keys(RULES) as readonly CheckedTable[];

/**
 * Values of a table that no service would have stored: a fraction in an INTEGER column, a negative
 * amount, JSON that doesn't parse. Those that the services can read are notes. The sentence says the
 * kind of a value, never the value. `times` looks at those of all tables.
 */
export async function checkValues(
  { build, address, correctedWith, each }: RowReader,
  table: CheckedTable,
  times: WrongTimes,
): Promise<Finding[]> {
  const rules = RULES[table];
  const found = new Map<string, { readonly tally: Tally; readonly severity: Severity }>();
  const columns = PUBLISHED_COLUMNS[table].map((name) => sql.ref(name).as(name));
  const all = build.selectFrom(table).select([...columns, address().as('rowid')]);
  await each(all, ({ rowid, ...row }: Row) => {
    const name = rowName(row[rules.key], rowid);
    for (const { column, problem } of problemsOf(row, rules)) {
      const isReadable = rules.rows?.canRead(column, row[column]) ?? true;
      const { tally } = found.get(problem) ?? { tally: new Tally() };
      found.set(problem, { tally, severity: isReadable ? 'note' : 'wrong' });
      tally.add(name);
    }
    times.add(table, name, row);
  });
  return [...found].flatMap(([problem, { tally, severity }]) =>
    findingsOf(tally, {
      check: 'values',
      severity,
      problem: `${counted(tally.count, 'row')} of ${table}: ${problem}`,
      mend: `Look at the rows with \`pylon-db query\`, and correct them with the program that wrote them, or with ${correctedWith}.`,
    }),
  );
}

interface Problem {
  readonly column: string;
  readonly problem: string;
}

/** The rules name one column at a time: each that was named is left out of the next look. */
function problemsOf(row: Row, rules: Rules): Problem[] {
  const problems: Problem[] = [];
  const named = new Set<string>();
  const left = { ...row };
  for (;;) {
    try {
      rules.check(left);
      return problems;
    } catch (error) {
      if (!isPylonDbError(error, 'INVALID_ARGUMENT')) throw error;
      // A column that must be there, and was left out by us.
      if (named.has(error.field)) return problems;
      named.add(error.field);
      const isBlob = row[error.field] instanceof Uint8Array;
      const problem = isBlob ? `${error.field} is a BLOB` : error.problem;
      problems.push({ column: error.field, problem });
      left[error.field] = undefined;
    }
  }
}

/** 2009-01-03T18:15:05Z, in unix seconds: before the first block of Bitcoin no node can have run. */
const FIRST_BLOCK = 1_231_006_505;

/** How far a time may be ahead of this machine's clock, in seconds: clocks and zones differ by less. */
const AHEAD_SECONDS = 86_400;

/** Columns that hold the time of something that has happened. */
const TIMES = [
  'applied_at',
  'created_at',
  'started_at',
  'completed_at',
  'earned_at',
  'last_tick_at',
  'updated_at',
] as const;

/**
 * Times that only a wrong clock gives. One clock stamps the rows of all tables, in several columns: it
 * is one note, not one per column.
 */
export class WrongTimes {
  readonly #correctedWith: string;
  readonly #latest = systemClock() + AHEAD_SECONDS;
  readonly #late = new Tally();
  readonly #early = new Tally();

  /** `correctedWith` is what rows are corrected with. */
  constructor(correctedWith: string) {
    this.#correctedWith = correctedWith;
  }

  /** Looks at one row of a table, which is called `name`. */
  add(table: string, name: string, row: Readonly<Record<string, unknown>>): void {
    const columnsWhere = (isWrong: (at: number) => boolean) =>
      TIMES.filter((column) => {
        const at = row[column];
        // What is not a timestamp at all is a wrong value.
        return typeof at === 'number' && at >= 0 && at <= MAX_TIMESTAMP && isWrong(at);
      });
    const late = columnsWhere((at) => at > this.#latest);
    const early = columnsWhere((at) => at < FIRST_BLOCK);
    if (late.length > 0) this.#late.add(`${table} ${name}: ${late.join(', ')}`);
    if (early.length > 0) this.#early.add(`${table} ${name}: ${early.join(', ')}`);
  }

  findings(): Finding[] {
    return [
      ...this.#note(this.#late, 'later than now: a clock was wrong, or still is'),
      ...this.#note(this.#early, 'before 2009: a clock was wrong'),
    ];
  }

  #note(tally: Tally, what: string): Finding[] {
    return findingsOf(tally, {
      check: 'values',
      severity: 'note',
      problem: `${counted(tally.count, 'row')} with times ${what}`,
      mend: `Set the clock right first. Nothing fails; to correct the rows, use the program that wrote them, or ${this.#correctedWith}.`,
    });
  }
}
