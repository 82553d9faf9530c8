import type { Session } from '../../engine/postgres/session.js';
import type { MigrationList } from '../../migrate/migration.js';
import { INITIAL_MIGRATION } from '../../migrate/migration-names.js';
import { readServerLedger } from '../../migrate/postgres-ledger.js';
import { refusePending } from '../../migrate/schema-check.js';
import { type CopiedTable, columnList, orphansSql, quoted } from '../../schema/tables.js';
import { beginSnapshot, withServer } from '../shell/server.js';
import { readInStoredOrder, storedOrder } from '../shell/stored-order.js';
import { describeServer, fixFormats } from './describe-server.js';
import type { CopiedRow } from './row.js';
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
        await beginSnapshot(session, 0);
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

/** A table whose key is a number. */
type Counted = Pick<CopiedTable, 'name' | 'key'>;

/** The rows of a server's table as they lie, in lists. */
export async function* serverRows(
  session: Session,
  table: CopiedTable,
): AsyncGenerator<readonly CopiedRow[]> {
  const rows = session.rowsOf(
    `select ${columnList(table)} from ${quoted(table.name)} ${storedOrder(table.name)}`,
  );
  const hasReals = table.columns.some(({ kind }) => kind === 'real');
  for await (const list of rows) yield hasReals ? list.map((row) => withReals(table, row)) : list;
}

/** Numbers as JavaScript writes them, which is how they come from a file. */
function withReals({ columns }: CopiedTable, row: CopiedRow): CopiedRow {
  return row.map((value, i) =>
    value !== null && columns[i]?.kind === 'real' ? String(Number(value)) : value,
  );
}

/** The ledger of a server. */
export async function serverLedger(session: Session): Promise<LedgerEntry[]> {
  const { rows } = await session.texts(
    'select id, name, applied_at from migrations order by id',
    [],
  );
  return rows.map(([id, name, applied_at]) => ({
    id: String(id),
    name: String(name),
    applied_at: String(applied_at),
  }));
}

/** The highest id that a sequence or the rows of its table know; 0 before the first. */
export async function lastServerId(session: Session, table: Counted): Promise<bigint> {
  const sequence = await sequenceOf(session, table);
  const { rows } = await session.texts(
    `select greatest(coalesce((select max(${quoted(table.key)}) from ${quoted(table.name)}), 0)
       ${sequence === null ? '' : `, (select last_value - (not is_called)::int from ${sequence})`})`,
    [],
  );
  return BigInt(rows[0]?.[0] ?? 0);
}

/** Lets the ids of a table go on behind `last`. */
export async function setLastServerId(
  session: Session,
  table: Counted,
  last: bigint,
): Promise<void> {
  if (last < 1n) return;
  await session.texts('select pg_catalog.setval(pg_catalog.pg_get_serial_sequence($1, $2), $3)', [
    quoted(table.name),
    table.key,
    String(last),
  ]);
}

/** The sequence of a table's id as SQL names it. */
async function sequenceOf(session: Session, table: Counted): Promise<string | null> {
  const { rows } = await session.texts('select pg_catalog.pg_get_serial_sequence($1, $2)', [
    quoted(table.name),
    table.key,
  ]);
  return rows[0]?.[0] ?? null;
}
