import type {
  Agent,
  Earning,
  ErrorCode,
  Job,
  PylonDb,
  PylonDbTransaction,
  Tick,
} from '../../src/index.js';
import { type Kind, NOW } from './values-kinds.js';

/** What has the services: a database, or a transaction of it. */
export type Services = Pick<PylonDb | PylonDbTransaction, 'jobs' | 'earnings' | 'agents'>;

/** Given values by field; a field that is missing is left out of the call. */
export type Input = Readonly<Record<string, unknown>>;

/** Stored rows as a separate connection reads them: integers as bigints, reals as numbers. */
export type StoredRow = Record<string, unknown>;
export type StoredRows = Record<'jobs' | 'earnings' | 'agents' | 'tick_history', StoredRow[]>;

/** One call that writes: its fields, and what it must do to the rows. */
export interface WritingCall {
  readonly name: string;
  readonly fields: Readonly<Record<string, Kind>>;
  readonly required: readonly string[];
  /** Valid values of some fields. */
  readonly valid: Input;
  run(services: Services, input: Input): Promise<unknown>;
  /** Changes `rows` as the call must with valid input, or gives the code that it must throw. */
  expect(rows: StoredRows, input: Input): ErrorCode | undefined;
}

const NOW_STORED = BigInt(NOW);

/** The rows that stand before each call, besides one of each table that no call names. */
export const BASE_SQL = `
  delete from tick_history; delete from earnings; delete from jobs; delete from agents;
  insert into jobs (id, kind, customer_pubkey, status, price_msats, started_at, created_at) values
    ('other', 1, 'c', 'completed', 4321, 1, 1), ('job', 2, 'c', 'processing', 5, 2, 2),
    ('next', 3, 'c', 'pending', 5, 3, 3);
  insert into earnings (id, job_id, amount_msats, source, payment_hash, earned_at) values
    ('earning', 'other', 5, 'job', 'known', 1);
  insert into agents (npub, name, lifecycle_state, balance_sats, created_at, updated_at) values
    ('other', 'Al', 'dormant', 1, 1, 1), ('agent', 'Bob', 'active', 1000, 1, 1);
  insert into tick_history (id, agent_npub, tick_number, created_at) values
    (1, 'agent', 1, 1), (2, 'other', 1, 1);`;

/** What SQLite must hold for a value that a call took: an integer, a text or NULL. */
export function storedAs(value: unknown): unknown {
  return typeof value === 'number' ? BigInt(value) : (value ?? null);
}

const rowOf = (rows: StoredRow[], key: string, value: unknown) =>
  rows.find((row) => row[key] === value);
const given = (input: Input, ...fields: string[]): StoredRow =>
  Object.fromEntries(fields.map((field) => [field, storedAs(input[field])]));

const TERMINAL = ['completed', 'failed', 'cancelled'];

function moved(row: StoredRow, status: unknown, change: StoredRow = {}): void {
  const completed_at = TERMINAL.includes(String(status)) ? NOW_STORED : null;
  Object.assign(row, { status, completed_at, ...change });
}

/** The job that a call names, when it may still move. */
function movable(rows: StoredRows, id: unknown): StoredRow | ErrorCode {
  const row = rowOf(rows.jobs, 'id', id);
  if (row === undefined) return 'NOT_FOUND';
  return row['id'] === 'other' ? 'ILLEGAL_TRANSITION' : row;
}

const moving =
  (change: (row: StoredRow, input: Input, rows: StoredRows) => void) =>
  (rows: StoredRows, input: Input): ErrorCode | undefined => {
    const row = movable(rows, input['id']);
    if (typeof row === 'string') return row;
    change(row, input, rows);
    return undefined;
  };

/** An input as one call takes it: its type is what the test breaks. */
const args = (input: Input, ...fields: string[]): never =>
  Object.fromEntries(fields.filter((field) => field in input).map((f) => [f, input[f]])) as never;
const arg = (input: Input, field: string): never => input[field] as never;

function paid(rows: StoredRows, input: Input, amount: unknown): void {
  rows.earnings.push({
    // Random: the comparison leaves it out.
    id: 'new',
    job_id: input['id'] ?? input['job_id'],
    amount_msats: storedAs(amount),
    source: 'job',
    ...given(input, 'payment_hash', 'preimage'),
    earned_at: NOW_STORED,
  });
}

const JOB_FIELDS = {
  id: 'key',
  kind: 'kind',
  customer_pubkey: 'key',
  status: 'job status',
  price_msats: 'integer',
  input_hash: 'text or null',
  output_hash: 'text or null',
  error_message: 'text or null',
  started_at: 'time',
  completed_at: 'time or null',
  created_at: 'time',
} as const satisfies Record<keyof Job, Kind>;
const EARNING_FIELDS = {
  id: 'key',
  job_id: 'key or null',
  amount_msats: 'integer',
  source: 'earning source',
  payment_hash: 'key or null',
  preimage: 'text or null',
  earned_at: 'time',
} as const satisfies Record<keyof Earning, Kind>;
const AGENT_FIELDS = {
  npub: 'key',
  name: 'text',
  lifecycle_state: 'agent state',
  balance_sats: 'integer',
  tick_count: 'integer',
  last_tick_at: 'time or null',
  memory_json: 'json or null',
  goals_json: 'json or null',
  created_at: 'time',
  updated_at: 'time',
} as const satisfies Record<keyof Agent, Kind>;
const TICK_FIELDS = {
  tick_number: 'integer',
  prompt_tokens: 'integer or null',
  completion_tokens: 'integer or null',
  actions_json: 'json or null',
  cost_sats: 'integer or null',
  duration_ms: 'integer or null',
} as const satisfies Record<Exclude<keyof Tick, 'id' | 'agent_npub' | 'created_at'>, Kind>;

const names = (fields: object): string[] => Object.keys(fields);

const JOB_CALLS: readonly WritingCall[] = [
  {
    name: 'jobs.create',
    fields: JOB_FIELDS,
    required: ['id', 'kind', 'customer_pubkey'],
    valid: { id: 'new', kind: 1, customer_pubkey: 'c' },
    run: (db, input) => db.jobs.create(args(input, ...names(JOB_FIELDS))),
    expect(rows, input) {
      if (rowOf(rows.jobs, 'id', input['id']) !== undefined) return 'ALREADY_EXISTS';
      const defaults = { status: 'pending', price_msats: 0, started_at: NOW, created_at: NOW };
      const whole = { ...defaults, ...defined(input) };
      rows.jobs.push(given(whole, ...names(JOB_FIELDS)));
      return undefined;
    },
  },
  {
    name: 'jobs.createIfNew',
    fields: JOB_FIELDS,
    required: ['id', 'kind', 'customer_pubkey'],
    valid: { id: 'new', kind: 1, customer_pubkey: 'c' },
    run: (db, input) => db.jobs.createIfNew(args(input, ...names(JOB_FIELDS))),
    expect(rows, input) {
      if (rowOf(rows.jobs, 'id', input['id']) !== undefined) return undefined;
      const defaults = { status: 'pending', price_msats: 0, started_at: NOW, created_at: NOW };
      rows.jobs.push(given({ ...defaults, ...defined(input) }, ...names(JOB_FIELDS)));
      return undefined;
    },
  },
  {
    name: 'jobs.updateStatus',
    fields: { id: 'key', status: 'job status' },
    required: ['id', 'status'],
    valid: { id: 'job', status: 'failed' },
    run: (db, input) => db.jobs.updateStatus(arg(input, 'id'), arg(input, 'status')),
    expect(rows, input) {
      const row = rowOf(rows.jobs, 'id', input['id']);
      if (row === undefined) return 'NOT_FOUND';
      if (row['status'] === input['status']) return undefined;
      if (row['id'] === 'other') return 'ILLEGAL_TRANSITION';
      moved(row, input['status']);
      return undefined;
    },
  },
  {
    name: 'jobs.complete',
    fields: { id: 'key', output_hash: 'text or null', price_msats: 'integer' },
    required: ['id', 'price_msats'],
    valid: { id: 'job', price_msats: 7 },
    run: (db, input) =>
      db.jobs.complete(arg(input, 'id'), args(input, 'output_hash', 'price_msats')),
    expect: moving((row, input) =>
      moved(row, 'completed', given(input, 'output_hash', 'price_msats')),
    ),
  },
  {
    name: 'jobs.fail',
    fields: { id: 'key', error_message: 'text' },
    required: ['id', 'error_message'],
    valid: { id: 'job', error_message: 'broken' },
    run: (db, input) => db.jobs.fail(arg(input, 'id'), arg(input, 'error_message')),
    expect: moving((row, input) => moved(row, 'failed', given(input, 'error_message'))),
  },
  {
    name: 'jobs.cancel',
    fields: { id: 'key' },
    required: ['id'],
    valid: { id: 'job' },
    run: (db, input) => db.jobs.cancel(arg(input, 'id')),
    expect: moving((row) => moved(row, 'cancelled')),
  },
  {
    name: 'jobs.claimNext',
    fields: { 'kinds[0]': 'kind' },
    required: ['kinds[0]'],
    valid: { 'kinds[0]': 3 },
    run: (db, input) => db.jobs.claimNext({ kinds: [arg(input, 'kinds[0]')] }),
    expect(rows, input) {
      const row = rowOf(rows.jobs, 'id', 'next');
      if (row !== undefined && input['kinds[0]'] === 3) {
        moved(row, 'processing', { started_at: NOW_STORED });
      }
      return undefined;
    },
  },
  {
    name: 'jobs.requeueStale',
    fields: { startedBefore: 'time up to now' },
    required: ['startedBefore'],
    valid: { startedBefore: 10 },
    run: (db, input) => db.jobs.requeueStale(args(input, 'startedBefore')),
    expect(rows, input) {
      const row = rowOf(rows.jobs, 'id', 'job');
      if (row !== undefined && Number(input['startedBefore']) > 2) moved(row, 'pending');
      return undefined;
    },
  },
  {
    name: 'jobs.completeWithPayment',
    fields: {
      id: 'key',
      output_hash: 'text or null',
      price_msats: 'integer',
      payment_hash: 'key or null',
      preimage: 'text or null',
    },
    required: ['id', 'price_msats'],
    valid: { id: 'job', price_msats: 7, payment_hash: 'hash', preimage: 'secret' },
    run: (db, input) =>
      db.jobs.completeWithPayment(
        arg(input, 'id'),
        args(input, 'output_hash', 'price_msats', 'payment_hash', 'preimage'),
      ),
    expect: moving((row, input, rows) => {
      moved(row, 'completed', given(input, 'output_hash', 'price_msats'));
      paid(rows, input, input['price_msats']);
    }),
  },
];

const EARNING_CALLS: readonly WritingCall[] = [
  {
    name: 'earnings.record',
    fields: EARNING_FIELDS,
    required: ['id', 'amount_msats', 'source'],
    valid: { id: 'new', amount_msats: 7, source: 'tip' },
    run: (db, input) => db.earnings.record(args(input, ...names(EARNING_FIELDS))),
    expect(rows, input) {
      if (rowOf(rows.earnings, 'id', input['id']) !== undefined) return 'ALREADY_EXISTS';
      const job = input['job_id'] ?? null;
      if (job !== null && rowOf(rows.jobs, 'id', job) === undefined) return 'NOT_FOUND';
      const whole = { earned_at: NOW, ...defined(input) };
      rows.earnings.push(given(whole, ...names(EARNING_FIELDS)));
      return undefined;
    },
  },
  {
    name: 'earnings.recordForJob',
    fields: {
      job_id: 'key',
      amount_msats: 'integer',
      payment_hash: 'key or null',
      preimage: 'text or null',
    },
    required: ['job_id', 'amount_msats'],
    valid: { job_id: 'job', amount_msats: 7 },
    run: (db, input) =>
      db.earnings.recordForJob(
        arg(input, 'job_id'),
        arg(input, 'amount_msats'),
        args(input, 'payment_hash', 'preimage'),
      ),
    expect(rows, input) {
      if (rowOf(rows.jobs, 'id', input['job_id']) === undefined) return 'NOT_FOUND';
      paid(rows, input, input['amount_msats']);
      return undefined;
    },
  },
];

const changingAgent =
  (change: (row: StoredRow, input: Input, rows: StoredRows) => ErrorCode | undefined) =>
  (rows: StoredRows, input: Input): ErrorCode | undefined => {
    const row = rowOf(rows.agents, 'npub', input['npub']);
    return row === undefined ? 'NOT_FOUND' : change(row, input, rows);
  };

const MOST = 2n ** 53n - 1n;

const ticksOf = (agent: StoredRow, rows: StoredRows) =>
  rows.tick_history.filter((tick) => tick['agent_npub'] === agent['npub']);

function nextNumber(agent: StoredRow, rows: StoredRows): bigint {
  const numbers = ticksOf(agent, rows).map((tick) => BigInt(String(tick['tick_number'])));
  const highest = [...numbers, BigInt(String(agent['tick_count']))];
  return highest.reduce((a, b) => (a > b ? a : b)) + 1n;
}

const isCharged = (tick: StoredRow, cost: bigint) =>
  String(tick['cost_sats']) === String(cost) &&
  ['prompt_tokens', 'completion_tokens', 'actions_json', 'duration_ms'].every(
    (column) => tick[column] === null,
  );

/** Stores a tick of `input`, and counts it. */
function tickOf(agent: StoredRow, input: Input, rows: StoredRows): void {
  const tick_count = BigInt(String(agent['tick_count'])) + 1n;
  Object.assign(agent, { tick_count, last_tick_at: NOW_STORED, updated_at: NOW_STORED });
  rows.tick_history.push({
    id: 'new',
    agent_npub: input['npub'],
    ...given(input, ...names(TICK_FIELDS)),
    created_at: NOW_STORED,
  });
}

const AGENT_CALLS: readonly WritingCall[] = [
  {
    name: 'agents.upsert',
    fields: AGENT_FIELDS,
    required: ['npub', 'name', 'lifecycle_state'],
    valid: { npub: 'agent', name: 'Bob', lifecycle_state: 'active' },
    run: (db, input) => db.agents.upsert(args(input, ...names(AGENT_FIELDS))),
    expect(rows, input) {
      const { created_at = NOW, ...rest } = defined(input);
      const row = rowOf(rows.agents, 'npub', input['npub']);
      const all = { ...rest, updated_at: NOW };
      if (row !== undefined) {
        Object.assign(row, given(all, ...names(all)));
      } else {
        const whole = { balance_sats: 0, tick_count: 0, ...all, created_at };
        rows.agents.push(given(whole, ...names(AGENT_FIELDS)));
      }
      return undefined;
    },
  },
  {
    name: 'agents.updateState',
    fields: { npub: 'key', state: 'agent state' },
    required: ['npub', 'state'],
    valid: { npub: 'agent', state: 'dormant' },
    run: (db, input) => db.agents.updateState(arg(input, 'npub'), arg(input, 'state')),
    expect: changingAgent((row, input) => {
      Object.assign(row, { lifecycle_state: input['state'], updated_at: NOW_STORED });
      return undefined;
    }),
  },
  {
    name: 'agents.updateBalance',
    fields: { npub: 'key', balance_sats: 'integer' },
    required: ['npub', 'balance_sats'],
    valid: { npub: 'agent', balance_sats: 7 },
    run: (db, input) => db.agents.updateBalance(arg(input, 'npub'), arg(input, 'balance_sats')),
    expect: changingAgent((row, input) => {
      Object.assign(row, { ...given(input, 'balance_sats'), updated_at: NOW_STORED });
      return undefined;
    }),
  },
  {
    name: 'agents.adjustBalance',
    fields: { npub: 'key', delta_sats: 'integer of any sign' },
    required: ['npub', 'delta_sats'],
    valid: { npub: 'agent', delta_sats: -7 },
    run: (db, input) => db.agents.adjustBalance(arg(input, 'npub'), arg(input, 'delta_sats')),
    expect: changingAgent((row, input) => {
      const balance_sats =
        BigInt(String(row['balance_sats'])) + BigInt(Number(input['delta_sats']));
      if (balance_sats < 0n || balance_sats > 2n ** 53n - 1n) return 'OUT_OF_RANGE';
      Object.assign(row, { balance_sats, updated_at: NOW_STORED });
      return undefined;
    }),
  },
  {
    name: 'agents.recordTick',
    fields: { npub: 'key', ...TICK_FIELDS },
    required: ['npub'],
    valid: { npub: 'agent', tick_number: 2 },
    run: (db, input) =>
      db.agents.recordTick(arg(input, 'npub'), args(input, ...names(TICK_FIELDS))),
    expect: changingAgent((row, input, rows) => {
      const tick_number = input['tick_number'] ?? nextNumber(row, rows);
      if (typeof tick_number === 'bigint' && tick_number > MOST) return 'OUT_OF_RANGE';
      tickOf(row, { ...input, tick_number }, rows);
      return undefined;
    }),
  },
  {
    name: 'agents.recordTick charged',
    fields: { npub: 'key', tick_number: 'integer', cost_sats: 'integer' },
    required: ['npub', 'tick_number', 'cost_sats'],
    valid: { npub: 'agent', tick_number: 20, cost_sats: 1 },
    run: (db, input) =>
      db.agents.recordTick(
        arg(input, 'npub'),
        args({ ...input, charge: true }, 'tick_number', 'cost_sats', 'charge'),
      ),
    expect: changingAgent((row, input, rows) => {
      const stands = ticksOf(row, rows).filter(
        (tick) => BigInt(String(tick['tick_number'])) === BigInt(Number(input['tick_number'])),
      );
      const cost = BigInt(Number(input['cost_sats']));
      if (stands.some((tick) => isCharged(tick, cost))) return undefined;
      if (stands.length > 0) return 'ALREADY_EXISTS';
      const balance_sats = BigInt(String(row['balance_sats'])) - cost;
      if (balance_sats < 0n) return 'OUT_OF_RANGE';
      tickOf(row, input, rows);
      Object.assign(row, { balance_sats });
      return undefined;
    }),
  },
  {
    name: 'agents.delete',
    fields: { npub: 'key' },
    required: ['npub'],
    valid: { npub: 'agent' },
    run: (db, input) => db.agents.delete(arg(input, 'npub')),
    expect(rows, input) {
      rows.agents = rows.agents.filter((row) => row['npub'] !== input['npub']);
      rows.tick_history = rows.tick_history.filter((row) => row['agent_npub'] !== input['npub']);
      return undefined;
    },
  },
];

function defined(input: Input): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

/** Every call that writes, but for transactions, whose callbacks make these calls. */
export const WRITING_CALLS: readonly WritingCall[] = [
  ...JOB_CALLS,
  ...EARNING_CALLS,
  ...AGENT_CALLS,
];
