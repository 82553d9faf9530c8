import { Ajv, type SchemaObject } from 'ajv';
import { EARNING_SOURCES, JOB_STATUSES, LIFECYCLE_STATES } from '../../generated/db.js';

// JSON Schemas of what each command prints under `--json`: scripts build on it, so a field may be
// added here, and none may change or go.

export const text: SchemaObject = { type: 'string' };
export const count: SchemaObject = { type: 'integer', minimum: 0 };
const integer: SchemaObject = { type: 'integer' };
export const flag: SchemaObject = { type: 'boolean' };
const unixSeconds: SchemaObject = { type: 'integer', minimum: 1_500_000_000 };
const absolutePath: SchemaObject = { type: 'string', pattern: '^/' };

export const orNull = (schema: SchemaObject): SchemaObject => ({
  anyOf: [schema, { type: 'null' }],
});
export const list = (items: SchemaObject): SchemaObject => ({ type: 'array', items });
export const oneOf = (values: readonly string[]): SchemaObject => ({ enum: [...values] });

/** An object of exactly these fields; those in `optional` may be missing. */
export function object(
  fields: Readonly<Record<string, SchemaObject>>,
  optional: Readonly<Record<string, SchemaObject>> = {},
): SchemaObject {
  return {
    type: 'object',
    properties: { ...fields, ...optional },
    required: Object.keys(fields),
    additionalProperties: false,
  };
}

const each = (keys: readonly string[], schema: SchemaObject) =>
  object(Object.fromEntries(keys.map((key) => [key, schema])));

const job = object({
  id: text,
  kind: count,
  customer_pubkey: text,
  status: oneOf(JOB_STATUSES),
  price_msats: count,
  input_hash: orNull(text),
  output_hash: orNull(text),
  error_message: orNull(text),
  started_at: unixSeconds,
  completed_at: orNull(unixSeconds),
  created_at: unixSeconds,
});

const earning = object({
  id: text,
  job_id: orNull(text),
  amount_msats: count,
  source: oneOf(EARNING_SOURCES),
  payment_hash: orNull(text),
  earned_at: unixSeconds,
});

const agent = object({
  npub: text,
  name: text,
  lifecycle_state: oneOf(LIFECYCLE_STATES),
  balance_sats: count,
  tick_count: count,
  last_tick_at: orNull(unixSeconds),
  memory_json: orNull(text),
  goals_json: orNull(text),
  created_at: unixSeconds,
  updated_at: unixSeconds,
});

const tick = object({
  id: count,
  agent_npub: text,
  tick_number: count,
  prompt_tokens: orNull(count),
  completion_tokens: orNull(count),
  actions_json: orNull(text),
  cost_sats: orNull(count),
  duration_ms: orNull(count),
  created_at: unixSeconds,
});

const migration = object({ id: count, name: text, applied_at: unixSeconds });

const bySource = each(EARNING_SOURCES, count);

const manifest = object({
  format: { const: 1 },
  pylon_db: text,
  created_at: unixSeconds,
  source: absolutePath,
  size_bytes: count,
  sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  rows: { type: 'object', additionalProperties: count },
  foreign_key_violations: count,
  migrations: list(text),
  identity: orNull(text),
  host: text,
});

const openers = list(object({ pid: count, command: text }));

const restoreRecord = object(
  { backup: absolutePath, started_at: unixSeconds, outcome: text },
  { duration_ms: count, safety_copy: absolutePath, moved_aside: list(absolutePath) },
);

const sizes = object({ file_bytes: count, wal_bytes: count, free_bytes: count });

/** By command line, options that change the answer included. */
export const JSON_SCHEMAS: Readonly<Record<string, SchemaObject>> = {
  info: object({
    path: absolutePath,
    identity: orNull(text),
    size_bytes: count,
    wal_bytes: count,
    migrations: object({ applied: list(text), pending: list(text) }),
    jobs: orNull(each(JOB_STATUSES, count)),
    earnings: object({
      total_msats: orNull(count),
      total_sats: orNull(count),
      job_count: count,
      by_source: each(EARNING_SOURCES, orNull(count)),
    }),
    agents: each(LIFECYCLE_STATES, count),
    notes: list(text),
  }),
  jobs: list(job),
  'jobs ID': job,
  earnings: list(earning),
  'earnings --by': list(
    object({ bucket_start: unixSeconds, amount_msats: count, count, by_source: bySource }),
  ),
  agents: list(agent),
  ticks: list(tick),
  backup: object({
    path: absolutePath,
    manifest,
    pruned: list(absolutePath),
    unsure: list(absolutePath),
    unreadable: list(absolutePath),
  }),
  'backup list': list(
    object({
      path: absolutePath,
      state: text,
      size_bytes: count,
      created_at: unixSeconds,
      from_future: flag,
      manifest: orNull(manifest),
    }),
  ),
  'backup verify': object({ path: absolutePath, manifest }),
  check: object({
    ok: flag,
    path: absolutePath,
    depth: oneOf(['quick', 'default', 'full']),
    findings: list(
      object({
        check: text,
        severity: oneOf(['damage', 'wrong', 'note']),
        problem: text,
        rows: list(text),
        count,
        mend: text,
        repairable: flag,
      }),
    ),
    skipped: list(object({ check: text, reason: text })),
    repaired: list(text),
    versions: object({ pylon_db: text, node: text, better_sqlite3: text }),
    database: orNull(
      object({
        sqlite: text,
        journal_mode: text,
        page_size: count,
        page_count: count,
        freelist_count: count,
        auto_vacuum: count,
        encoding: text,
        user_version: integer,
        application_id: integer,
        synchronous: count,
        foreign_keys: count,
        trusted_schema: count,
        cell_size_check: count,
        applied_migrations: list(text),
        pending_migrations: list(text),
        identity: orNull(text),
        objects: orNull(
          list(
            object({
              name: text,
              type: oneOf(['table', 'index']),
              bytes: count,
              unused_bytes: count,
            }),
          ),
        ),
      }),
    ),
    sizes: object({
      file_bytes: count,
      wal_bytes: count,
      free_bytes: orNull(count),
      disk_free_bytes: count,
    }),
    openers,
    last_backup: orNull(
      object({ path: absolutePath, created_at: unixSeconds, age_seconds: orNull(count) }),
    ),
    last_restore: orNull(restoreRecord),
    duration_ms: count,
  }),
  vacuum: object({
    path: absolutePath,
    before: sizes,
    after: sizes,
    checkpointed: flag,
    freed_bytes: integer,
    duration_ms: count,
  }),
  query: list({ type: 'object' }),
  'export migrations': list(migration),
  'export jobs': list(job),
  'export earnings': list(earning),
  'export agents': list(agent),
  'export tick_history': list(tick),
  'export --all': object({
    migrations: list(migration),
    jobs: list(job),
    earnings: list(earning),
    agents: list(agent),
    tick_history: list(tick),
  }),
  'export --out': object({
    format: oneOf(['csv', 'json', 'ndjson']),
    files: list(object({ path: absolutePath, table: orNull(text), rows: count, bytes: count })),
  }),
  copy: object({
    from: absolutePath,
    to: absolutePath,
    tables: each(
      ['jobs', 'earnings', 'agents', 'tick_history'],
      object({ rows: count, checksum: { type: 'string', pattern: '^[0-9a-f]{64}$' } }),
    ),
    left_behind: each(['tables', 'columns', 'migrations'], list(text)),
    duration_ms: count,
  }),
  restore: object(
    {
      path: absolutePath,
      backup: absolutePath,
      dry_run: flag,
      manifest,
      duration_ms: count,
      replaced: oneOf(['missing', 'damaged', 'whole']),
      openers,
    },
    {
      problem: text,
      later: object({ jobs: count, earnings: count, ticks: count }),
      safety_copy: absolutePath,
      moved_aside: list(absolutePath),
      last: restoreRecord,
    },
  ),
  'migrate up': list(text),
  'migrate down': list(text),
  'migrate redo': list(text),
  'migrate status': object({
    applied: list(object({ name: text, applied_at: unixSeconds, owner: text })),
    pending: list(object({ name: text, owner: text })),
  }),
  'migrate plan': list(object({ name: text, statements: list(text) })),
  'migrate create': object({ name: text, file: absolutePath, index: absolutePath }),
  'migrate verify': object({
    applied: list(text),
    pending: list(text),
    drift: list(
      object({
        type: text,
        name: text,
        problem: text,
        expected: orNull(text),
        found: orNull(text),
      }),
    ),
  }),
};

/** What every command prints on stderr when it fails under `--json`. */
export const ERROR_SCHEMA = object({
  error: object({ code: { type: 'string', pattern: '^[A-Z_]+$' }, message: text, hint: text }),
});

const ajv = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true });

/** What is wrong with a value by its schema; nothing when it fits. */
export function misfits(schema: SchemaObject, value: unknown): string[] {
  const validate = ajv.compile(schema);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
