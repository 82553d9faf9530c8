import { expect, it } from 'vitest';
import { BUSY_AGENT } from '../cli/answers.js';
import { publishedFile, pylonDb } from '../cli/command.js';
import {
  count,
  flag,
  JSON_SCHEMAS,
  list,
  misfits,
  object,
  oneOf,
  orNull,
  text,
} from '../cli/json-schemas.js';
import { temporaryFolder } from '../temporary.js';
import { connected, describeOnServer } from './own-server.js';

const address = { type: 'string', pattern: '^postgres://[^:@]+@' };
const sized = object({ name: text, type: oneOf(['table', 'index']), bytes: count });

/** Fields of a file's answer that a server gives as well. */
function same(command: string, ...fields: readonly string[]) {
  const properties = JSON_SCHEMAS[command]?.['properties'] ?? {};
  return Object.fromEntries(fields.map((field) => [field, properties[field]]));
}

/** What a server's answers have in the place of a file's; all other commands print the same. */
const SERVER_SCHEMAS: typeof JSON_SCHEMAS = {
  ...JSON_SCHEMAS,
  copy: object({
    ...same('copy', ...Object.keys(JSON_SCHEMAS['copy']?.['properties'])),
    to: address,
  }),
  info: object({
    ...same('info', 'identity', 'size_bytes', 'migrations', 'jobs', 'earnings', 'agents', 'notes'),
    path: address,
    wal_bytes: { type: 'null' },
    server_version: text,
  }),
  check: object({
    ...same('check', 'ok', 'depth', 'findings', 'skipped', 'repaired', 'duration_ms'),
    path: address,
    versions: object({ pylon_db: text, node: text, pg: text }),
    database: object({
      postgres: text,
      database: text,
      schema: text,
      role: text,
      superuser: flag,
      data_checksums: flag,
      standby: flag,
      connections: count,
      max_connections: count,
      applied_migrations: list(text),
      pending_migrations: list(text),
      objects: orNull(list(sized)),
    }),
    sizes: object({ schema_bytes: count, database_bytes: count }),
  }),
};

const DAY: readonly (readonly [schema: string, args: readonly string[]])[] = [
  ['migrate status', ['migrate', 'status']],
  ['migrate down', ['migrate', 'down']],
  ['migrate plan', ['migrate', 'plan']],
  ['migrate up', ['migrate', 'up']],
  ['migrate verify', ['migrate', 'verify']],
  ['info', ['info']],
  ['jobs', ['jobs', '--limit', '1000']],
  ['earnings', ['earnings', '--limit', '1000']],
  ['earnings --by', ['earnings', '--by', 'month']],
  ['agents', ['agents']],
  ['ticks', ['ticks', BUSY_AGENT]],
  ['query', ['query', 'select * from jobs']],
  ['export jobs', ['export', 'jobs']],
  ['export earnings', ['export', 'earnings']],
  ['export agents', ['export', 'agents']],
  ['export tick_history', ['export', 'tick_history']],
  ['export --all', ['export', '--all']],
  ['check', ['check', '--quick']],
  ['check', ['check']],
  ['check', ['check', '--full']],
];

function misfitsOf(command: string, stdout: string): string[] {
  const schema = SERVER_SCHEMAS[command];
  return schema === undefined ? ['no schema'] : misfits(schema, JSON.parse(stdout));
}

describeOnServer('--json on a server', (own) => {
  it('prints what the schema of each command says', async () => {
    const url = await own.freshSchema();
    const from = publishedFile(temporaryFolder());
    const copied = await pylonDb(['copy', '--from', from, '--to', url, '--json']);
    expect(misfitsOf('copy', copied.stdout)).toEqual([]);
    // Something for `check` to find.
    await (await connected(url)).query('update agents set tick_count = 0');
    for (const [schema, args] of DAY) {
      const outcome = await pylonDb([...args, '--json', '--db', url]);
      const label = `${args.join(' ')}: ${outcome.stderr}`;
      expect(outcome.exitCode, label).toBe(0);
      expect(misfitsOf(schema, outcome.stdout), label).toEqual([]);
    }
  });
});
