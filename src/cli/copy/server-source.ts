import type { Session } from '../../engine/postgres/session.js';
import type { MigrationList } from '../../migrate/migration.js';
import { INITIAL_MIGRATION } from '../../migrate/migration-names.js';
import { readServerLedger } from '../../migrate/postgres-ledger.js';
import { refusePending } from '../../migrate/schema-check.js';
import { type CopiedTable, orphansSql, quoted } from '../../schema/tables.js';
import { withServer } from '../shell/server.js';
import { readInStoredOrder, storedOrder } from '../shell/stored-order.js';
import { describeServer, fixFormats } from './describe-server.js';
import { lastServerId, serverLedger, serverRows } from './server-rows.js';
import type { CopySource, LedgerEntry } from './sides.js';

/** Runs `run` with one state of a server's schema. Throws `SCHEMA_MISMATCH` for another program's. */
export async function withServerSource<Result>(
  url: string,
  list: MigrationList,
  run: (source: CopySource) => Promise<Result>,
): Promise<Result> {
  return await withServer(url, 'read', (pool) =>
    pool.withSession(async (session) => {
      try {
        await session.texts('begin transaction isolation level repeatable read read only', []);
        await session.texts('set local statement_timeout = 0', []);
        await session.texts('set local idle_in_transaction_session_timeout = 0', []);
        const { pending } = await readServerLedger(session, list);
        if (pending.includes(INITIAL_MIGRATION)) refusePending('', pending);
        await readInStoredOrder(session);
        await fixFormats(session);
        return await run(new ServerSource(session));
      } finally {
        // The connection is closed, and with it what it was still sending.
        session.spoil();
      }
    }),
  );
}

class ServerSource implements CopySource {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async ledger(): Promise<readonly LedgerEntry[]> {
    return await serverLedger(this.#session);
  }

  async describe() {
    return await describeServer(this.#session);
  }

  async count({ name }: CopiedTable): Promise<number> {
    return Number(await this.#value(`select count(*) from ${quoted(name)}`));
  }

  async orphan(table: CopiedTable): Promise<string | undefined> {
    const sql = orphansSql(table);
    return sql === undefined ? undefined : await this.#value(sql);
  }

  rows(table: CopiedTable) {
    return serverRows(this.#session, table);
  }

  async keyAt({ name, key }: CopiedTable, place: number): Promise<string> {
    return String(
      await this.#value(
        `select ${quoted(key)} from ${quoted(name)} ${storedOrder(name)} limit 1 offset ${place}`,
      ),
    );
  }

  async lastId(table: CopiedTable): Promise<bigint> {
    return await lastServerId(this.#session, table);
  }

  async #value(sql: string): Promise<string | undefined> {
    const { rows } = await this.#session.texts(sql, []);
    return rows[0]?.[0] ?? undefined;
  }
}
