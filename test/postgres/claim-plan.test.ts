import { createHash } from 'node:crypto';
import { Kysely } from 'kysely';
import { expect, it } from 'vitest';
import type { DB } from '../../generated/db.js';
import { postgresDialect } from '../../src/engine/postgres/dialect.js';
import { StatementCompiler } from '../../src/engine/postgres/statement.js';
import { claimJob } from '../../src/jobs/queue-queries.js';
import { describeOnServer } from './own-server.js';

/** Jobs done long ago, and pending ones of today: the planner believes them evenly mixed. */
const DONE = 20_000;
const PENDING = 3000;

/** Rows that a claim may look at: the job's own versions and a page of the index. */
const FEW = 50;

interface PlanNode {
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Actual Rows': number;
  readonly Plans?: readonly PlanNode[];
}

/** The most rows that one node of a plan read. */
function mostRows(node: PlanNode): number {
  const own = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0);
  return Math.max(own, ...(node.Plans ?? []).map(mostRows));
}

describeOnServer('the claim of a job', (own) => {
  it.each(['force_custom_plan', 'force_generic_plan'])(
    'never walks through the jobs that were done before (%s)',
    async (mode) => {
      const { outside } = await own.open();
      await outside.query(
        `insert into jobs (id, kind, customer_pubkey, status, started_at, created_at)
         select md5(i::text), 1, 'c', case when i > ${DONE} then 'pending'
           else (array['completed', 'failed', 'cancelled'])[1 + i % 3] end, i, i
         from generate_series(1, ${DONE + PENDING}) as i`,
      );
      await outside.query('analyze jobs');
      await outside.query(`set plan_cache_mode = ${mode}`);
      const compiler = new StatementCompiler(new Kysely<DB>({ dialect: postgresDialect }));
      const { sql, values } = compiler.statement(claimJob(1, undefined).taken);
      await outside.query(`prepare claim as ${sql}`);
      const given = values.map((value) => (value === null ? 'null' : `'${value}'`)).join(', ');
      const { rows } = await outside.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
        `explain (analyze, format json) execute claim(${given})`,
      );
      const [plan] = rows[0]?.['QUERY PLAN'] ?? [];
      expect(plan === undefined ? undefined : mostRows(plan.Plan)).toBeLessThan(FEW);
      const claimed = await outside.query("select id from jobs where status = 'processing'");
      expect(claimed.rows).toEqual([
        {
          id: createHash('md5')
            .update(String(DONE + 1))
            .digest('hex'),
        },
      ]);
    },
  );
});
