import type { Pool, QueryResultRow } from 'pg';
import { type Job, type NewTick, NOW, type Tick } from '../../contestant.js';
import type { ServerContestant, ServerEntry } from '../contestant.js';
import { openPool } from './pool.js';
import { SQL } from './sql.js';

/** What a careful programmer writes over pg: named prepared statements, a pool, no checks. */
class HandWritten implements ServerContestant {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async getJob(id: string): Promise<Job | undefined> {
    const { rows } = await this.#run<Job>('getJob', [id]);
    return rows[0];
  }

  async insertJob(job: Job): Promise<Job> {
    await this.#run('insertJob', [
      job.id,
      job.kind,
      job.customer_pubkey,
      job.status,
      job.price_msats,
      job.input_hash,
      job.output_hash,
      job.error_message,
      job.started_at,
      job.completed_at,
      job.created_at,
    ]);
    return { ...job };
  }

  async completeJob(id: string, output_hash: string, price_msats: number): Promise<Job> {
    const { rows } = await this.#run<Job>('completeJob', [output_hash, price_msats, NOW, id]);
    const [job] = rows;
    if (job === undefined) throw new Error(`job ${id} can't be completed`);
    return job;
  }

  async claimJob(): Promise<Job | undefined> {
    const { rows } = await this.#run<Job>('claimJob', [NOW]);
    return rows[0];
  }

  async recordTick(npub: string, tick: NewTick): Promise<Tick> {
    const client = await this.#pool.connect();
    try {
      await client.query('BEGIN');
      const values = [NOW, npub];
      const counted = await client.query({ name: 'countTick', text: SQL.countTick, values });
      if (counted.rowCount === 0) throw new Error(`no agent ${npub}`);
      const { rows } = await client.query<{ id: number }>({
        name: 'insertTick',
        text: SQL.insertTick,
        values: [
          npub,
          tick.tick_number,
          tick.prompt_tokens,
          tick.completion_tokens,
          tick.actions_json,
          tick.cost_sats,
          tick.duration_ms,
          NOW,
        ],
      });
      await client.query('COMMIT');
      return { id: rows[0]?.id ?? 0, agent_npub: npub, ...tick, created_at: NOW };
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  #run<Row extends QueryResultRow>(name: keyof typeof SQL, values: unknown[]) {
    return this.#pool.query<Row>({ name, text: SQL[name], values });
  }
}

/** The yardstick: hand-written pg on our schema. */
export const handWritten: ServerEntry = {
  name: 'hand-written',
  open: async (url, connections) => new HandWritten(openPool(url, connections)),
};
