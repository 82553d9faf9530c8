import type Database from 'better-sqlite3';
import { type Compilable, sql } from 'kysely';
import { AGENT_COLUMNS, agentInput } from '../../agents/agent.js';
import { TICK_COLUMNS, tickInput } from '../../agents/tick.js';
import { EARNING_COLUMNS, earningInput } from '../../earnings/earning.js';
import { isPylonDbError } from '../../errors.js';
import { integer, key, object, timestamp } from '../../input.js';
import { JOB_COLUMNS, jobInput } from '../../jobs/job.js';
import { counted } from '../counted.js';
import { type Finding, findingsOf, rowName, Tally } from './finding.js';
import { build, eachRow } from './typed-query.js';

type Row = Record<string, unknown>;

/** How the rows of a table are read, and the rules of what services store in it. */
interface Rules {
  readonly key: string;
  readonly query: Compilable<Row>;
  /** Throws `INVALID_ARGUMENT` naming the column. */
  check(row: Row): void;
}

const rowid = sql<number>`rowid`.as('rowid');

/** What the service sets by itself. */
const tickFrame = object({ id: integer(), agent_npub: key, created_at: timestamp });

/** A row of the ledger, whoever wrote it. */
const ledgerRow = object({ id: integer(), name: key, applied_at: timestamp });

const RULES = {
  migrations: {
    key: 'name',
    query: build.selectFrom('migrations').select(['id', 'name', 'applied_at']).select(rowid),
    check: (row) => ledgerRow(row, 'result', ''),
  },
  jobs: {
    key: 'id',
    query: build.selectFrom('jobs').select(JOB_COLUMNS).select(rowid),
    check: (row) => jobInput.job(row, 'job', ''),
  },
  earnings: {
    key: 'id',
    query: build.selectFrom('earnings').select(EARNING_COLUMNS).select(rowid),
    check: (row) => earningInput.earning(row, 'earning', ''),
  },
  agents: {
    key: 'npub',
    query: build.selectFrom('agents').select(AGENT_COLUMNS).select(rowid),
    check: (row) => agentInput.agent(row, 'agent', ''),
  },
  tick_history: {
    key: 'id',
    query: build.selectFrom('tick_history').select(TICK_COLUMNS).select(rowid),
    check: ({ id, agent_npub, created_at, ...tick }) => {
      tickFrame({ id, agent_npub, created_at }, 'tick', '');
      tickInput.tick(tick, 'tick', '');
    },
  },
} satisfies Record<string, Rules>;

/** A table whose values are checked. */
export type CheckedTable = keyof typeof RULES;

/**
 * Values of a table that no service would have stored: a fraction in an INTEGER column, a negative
 * amount, JSON that doesn't parse. One pass; the sentence tells the kind of a value, never the value.
 */
export function checkValues(db: Database.Database, table: CheckedTable): Finding[] {
  const rules: Rules = RULES[table];
  const tallies = new Map<string, Tally>();
  for (const { rowid, ...row } of eachRow(db, rules.query)) {
    for (const problem of problemsOf(row, rules)) {
      const tally = tallies.get(problem) ?? new Tally();
      tallies.set(problem, tally);
      tally.add(rowName(row[rules.key], rowid));
    }
  }
  return [...tallies].flatMap(([problem, tally]) =>
    findingsOf(tally, {
      check: 'values',
      problem: `${counted(tally.count, 'row')} of ${table}: ${problem}`,
      mend: `Look at the rows with \`pylon-db query\`, and correct them with the program that wrote them, or with the sqlite3 shell.`,
    }),
  );
}

/** The rules name one column at a time: each that was named is left out of the next look. */
function problemsOf(row: Row, rules: Rules): string[] {
  const problems: string[] = [];
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
      problems.push(isBlob ? `${error.field} is a BLOB` : error.problem);
      left[error.field] = undefined;
    }
  }
}
