import { migrations } from '../../../migrations/index.js';
import type { OnProgress } from '../../backup/progress.js';
import type { SessionPool } from '../../engine/postgres/pool.js';
import { appliedOnServer } from '../../migrate/server-drift.js';
import { withServer } from '../shell/server.js';
import { serverRows } from '../shell/server-rows.js';
import { versionOf } from './file.js';
import type { Finding } from './finding.js';
import { type Found, runChecks, type SkippedCheck } from './run-checks.js';
import {
  readServerFacts,
  readServerSizes,
  type ServerFacts,
  type ServerSizes,
} from './server-facts.js';
import { keepsTotals, repairServerRollups } from './server-rollups.js';
import { checkServerSchema } from './server-schema-check.js';
import { checksOfServer, SERVERS_OWN } from './server-structure.js';
import type { CheckDepth } from './task.js';

/** What a check of a server found. Field names are those of the JSON answer. */
export interface ServerCheckReport {
  /** The server's URL without password. */
  readonly path: string;
  readonly depth: CheckDepth;
  readonly findings: readonly Finding[];
  readonly skipped: readonly SkippedCheck[];
  /** What `repair` did, a sentence each. */
  readonly repaired: readonly string[];
  readonly versions: { readonly pylon_db: string; readonly node: string; readonly pg: string };
  readonly database: ServerFacts;
  readonly sizes: ServerSizes;
  readonly duration_ms: number;
}

/** How a server is checked. */
export interface ServerCheckOptions {
  readonly depth: CheckDepth;
  /** Makes our own views, indexes and tables again; nothing else is changed. */
  readonly repair: boolean;
  readonly onProgress: OnProgress;
}

/**
 * Looks through a schema on a server, in one state of it. Throws what opening throws, and
 * `SCHEMA_MISMATCH` for another program's schema, a newer pylon-db's, and a repair that isn't
 * allowed.
 */
export async function checkServer(
  url: string,
  { depth, repair, onProgress }: ServerCheckOptions,
): Promise<ServerCheckReport> {
  const start = performance.now();
  return await withServer(url, 'write', async (pool, path) => {
    const applied = await appliedOnServer(pool, migrations);
    const schema = await checkServerSchema(pool, applied, repair);
    const recounts = repair && keepsTotals(applied) && schema.findings.length === 0;
    const isRecounted = recounts && (await repairServerRollups(pool));
    const { found, facts, sizes } = await lookThrough(pool, { depth, applied, onProgress });
    return {
      path,
      depth,
      // What is missing is why other things are wrong.
      findings: [...schema.findings, ...found.findings],
      skipped: [...schema.skipped, ...SERVERS_OWN, ...found.skipped],
      repaired: [
        ...schema.repaired.map((name) => `schema: ${name} made again`),
        ...(isRecounted ? ['rollups: counted anew'] : []),
      ],
      versions: {
        pylon_db: versionOf('pylon-db'),
        node: process.versions.node,
        pg: versionOf('pg'),
      },
      database: {
        ...facts,
        applied_migrations: applied,
        pending_migrations: Object.keys(migrations).filter((name) => !applied.includes(name)),
      },
      sizes,
      duration_ms: Math.round(performance.now() - start),
    };
  });
}

interface Looking {
  readonly depth: CheckDepth;
  readonly applied: readonly string[];
  readonly onProgress: OnProgress;
}

interface Looked {
  readonly found: Found;
  readonly facts: Awaited<ReturnType<typeof readServerFacts>>;
  readonly sizes: ServerSizes;
}

async function lookThrough(
  pool: SessionPool,
  { depth, applied, onProgress }: Looking,
): Promise<Looked> {
  return await pool.withSession(async (session) => {
    await session.raw('begin transaction isolation level repeatable read read only', []);
    try {
      const found = await runChecks({
        own: checksOfServer(session, applied),
        rows: serverRows(session),
        quick: depth === 'quick',
        report: onProgress,
      });
      const facts = await readServerFacts(session, depth === 'full');
      return { found, facts, sizes: await readServerSizes(session) };
    } finally {
      await session.raw('rollback', []).catch(() => session.spoil());
    }
  });
}
