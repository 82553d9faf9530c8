import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeOutside } from '../engine/outside.js';

/** The text of SPEC.md. */
export const SPEC = readFileSync(join(import.meta.dirname, '../fixtures/SPEC.md'), 'utf8');

/** The SQL of SPEC.md's "Schema" section, as it stands there. */
export function publishedSql(): string {
  const section = SPEC.slice(SPEC.indexOf('\n## Schema'), SPEC.indexOf('\n## API Reference'));
  return [...section.matchAll(/```sql\n([\s\S]*?)```/g)].map((block) => block[1]).join('\n');
}

/** Makes a file as another implementation leaves it: WAL, the published schema, its ledger row. */
export function createPublishedFile(path: string, more = ''): void {
  writeOutside(
    path,
    `pragma journal_mode = wal; ${publishedSql()}
    insert into migrations (name, applied_at) values ('001_initial_schema', 1700000000);
    insert into jobs (id, kind, customer_pubkey, status, started_at) values
      ('a', 1, 'c', 'pending', 1), ('b', 1, 'c', 'completed', 2);
    insert into earnings (id, job_id, amount_msats, source) values ('e', 'b', 7, 'job');
    ${more}`,
  );
}
