import { migrations } from '../../../migrations/index.js';
import type { Session } from '../../engine/postgres/session.js';
import { readServerLedger } from '../../migrate/postgres-ledger.js';
import { PUBLISHED_TABLES } from '../../migrate/published-schema.js';
import { INITIAL_MIGRATION, refusePending } from '../../migrate/schema-check.js';
import { withServer } from '../server.js';
import { readInStoredOrder, storedOrder } from '../stored-order.js';
import { lastServerId, serverLedger, serverRows } from './server-rows.js';
import type { CopySource, LedgerEntry } from './sides.js';
import { COPIED_TABLES, type CopiedTable, orphansSql } from './tables.js';

/** Runs `run` with one state of a server's schema. Throws `SCHEMA_MISMATCH` for another program's. */
export async function withServerSource<Result>(
  url: string,
  run: (source: CopySource) => Promise<Result>,
): Promise<Result> {
  return await withServer(url, 'read', (pool) =>
    pool.withSession(async (session) => {
      try {
        await session.texts('begin transaction isolation level repeatable read read only', []);
        await session.texts('set local statement_timeout = 0', []);
        await session.texts('set local idle_in_transaction_session_timeout = 0', []);
        const { pending } = await readServerLedger(session, migrations, '');
        if (pending.includes(INITIAL_MIGRATION)) refusePending('', pending);
        await readInStoredOrder(session);
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

  async others() {
    const { rows: tables } = await this.#session.texts(
      `select table_name from information_schema.tables
       where table_schema = current_schema() and table_type = 'BASE TABLE'
       and table_name <> all ($1) and table_name not like 'pylon\\_db\\_%' order by 1`,
      [`{${PUBLISHED_TABLES.join(',')}}`],
    );
    const { rows: columns } = await this.#session.texts(
      `select table_name, column_name from information_schema.columns
       where table_schema = current_schema() order by table_name, ordinal_position`,
      [],
    );
    return {
      tables: tables.map(([name]) => String(name)),
      columns: COPIED_TABLES.flatMap((table) =>
        columns
          .filter(([of, name]) => of === table.name && !hasColumn(table, name ?? null))
          .map(([, name]) => `${table.name}.${name}`),
      ),
    };
  }

  async count({ name }: CopiedTable): Promise<number> {
    return Number(await this.#value(`select count(*) from ${name}`));
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
      await this.#value(`select ${key} from ${name} ${storedOrder(name)} limit 1 offset ${place}`),
    );
  }

  async lastTickId(): Promise<bigint> {
    return await lastServerId(this.#session, 'tick_history');
  }

  async #value(sql: string): Promise<string | undefined> {
    const { rows } = await this.#session.texts(sql, []);
    return rows[0]?.[0] ?? undefined;
  }
}

function hasColumn({ columns }: CopiedTable, name: string | null): boolean {
  return columns.some((column) => column.name === name);
}
