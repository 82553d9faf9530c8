/** A column as the published schema (SPEC.md) has it. */
export interface PublishedColumn {
  readonly type: 'TEXT' | 'INTEGER';
  readonly notNull?: true;
  readonly default?: '0' | 'unixepoch()';
  /** In the primary key: given by the writer, or made by the database, once or never again. */
  readonly key?: 'given' | 'made' | 'made once';
  readonly unique?: true;
  readonly references?: 'jobs(id)' | 'agents(npub)';
  readonly oneOf?: readonly string[];
}

type Columns = Readonly<Record<string, PublishedColumn>>;

const TEXT = { type: 'TEXT' } as const;
const INTEGER = { type: 'INTEGER' } as const;
const KEY = { ...TEXT, key: 'given' } as const;
const NAME = { ...TEXT, notNull: true } as const;
const NUMBER = { ...INTEGER, notNull: true } as const;
const COUNT = { ...NUMBER, default: '0' } as const;
const NOW = { ...NUMBER, default: 'unixepoch()' } as const;

/** The published tables, the ledger last. Files may have more columns: others add theirs. */
export const PUBLISHED: Readonly<Record<string, Columns>> = {
  jobs: {
    id: KEY,
    kind: NUMBER,
    customer_pubkey: NAME,
    status: { ...NAME, oneOf: ['pending', 'processing', 'completed', 'failed', 'cancelled'] },
    price_msats: COUNT,
    input_hash: TEXT,
    output_hash: TEXT,
    error_message: TEXT,
    started_at: NUMBER,
    completed_at: INTEGER,
    created_at: NOW,
  },
  earnings: {
    id: KEY,
    job_id: { ...TEXT, references: 'jobs(id)' },
    amount_msats: NUMBER,
    source: { ...NAME, oneOf: ['job', 'tip', 'other'] },
    payment_hash: TEXT,
    preimage: TEXT,
    earned_at: NOW,
  },
  agents: {
    npub: KEY,
    name: NAME,
    lifecycle_state: { ...NAME, oneOf: ['embryonic', 'active', 'dormant', 'terminated'] },
    balance_sats: COUNT,
    tick_count: COUNT,
    last_tick_at: INTEGER,
    memory_json: TEXT,
    goals_json: TEXT,
    created_at: NOW,
    updated_at: NOW,
  },
  tick_history: {
    id: { ...INTEGER, key: 'made once' },
    agent_npub: { ...NAME, references: 'agents(npub)' },
    tick_number: NUMBER,
    prompt_tokens: INTEGER,
    completion_tokens: INTEGER,
    actions_json: TEXT,
    cost_sats: INTEGER,
    duration_ms: INTEGER,
    created_at: NOW,
  },
  migrations: {
    id: { ...INTEGER, key: 'made' },
    name: { ...NAME, unique: true },
    applied_at: NOW,
  },
};

/** The names of the published tables, the ledger included. */
export const PUBLISHED_TABLES: readonly string[] = Object.keys(PUBLISHED);

/** The published indexes: name → table and column. */
export const PUBLISHED_INDEXES: Readonly<Record<string, string>> = {
  idx_jobs_status: 'jobs(status)',
  idx_jobs_customer: 'jobs(customer_pubkey)',
  idx_jobs_created: 'jobs(created_at)',
  idx_earnings_job: 'earnings(job_id)',
  idx_earnings_date: 'earnings(earned_at)',
  idx_agents_state: 'agents(lifecycle_state)',
  idx_tick_history_agent: 'tick_history(agent_npub)',
  idx_tick_history_date: 'tick_history(created_at)',
};
