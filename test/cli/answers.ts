import { readFileSync } from 'node:fs';

interface JobRow {
  readonly id: string;
  readonly customer_pubkey: string;
  readonly error_message: string | null;
}

interface AgentRow {
  readonly npub: string;
  readonly lifecycle_state: string;
}

/** What the author of the fixture answered for it, as far as these tests ask. */
export const answers: {
  readonly count_jobs_by_status: Record<string, number>;
  readonly list_jobs_by_status_100: { readonly failed: readonly JobRow[] };
  readonly get_job_all: readonly JobRow[];
  readonly get_earnings_summary: Record<string, number>;
  readonly list_all_agents: readonly AgentRow[];
  readonly list_agents_by_state: Record<string, readonly AgentRow[]>;
  readonly get_tick_history_10: Record<string, readonly object[]>;
} = JSON.parse(
  readFileSync(new URL('../fixtures/node-001.expected.json', import.meta.url), 'utf8'),
);

/** An agent with many ticks. */
export const BUSY_AGENT = 'npub15c0628fefd74077edb61589ecc2474a087a7029cd0a206ee9847f093af';
