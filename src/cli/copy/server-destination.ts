import { commit } from '../../engine/postgres/commit.js';
import type { SessionPool } from '../../engine/postgres/pool.js';
import { isServerError } from '../../engine/postgres/server-error.js';
import type { Session } from '../../engine/postgres/session.js';
import { readServerLedger } from '../../migrate/postgres-ledger.js';
import { PostgresMigrator } from '../../migrate/postgres-migrator.js';
import { refusePending } from '../../migrate/schema-check.js';
import { type CopiedTable, columnList, DATA_TABLES, quoted } from '../../schema/tables.js';
import { withServer } from '../shell/server.js';
import { readInStoredOrder } from '../shell/stored-order.js';
import { describeServer, fixFormats } from './describe-server.js';
import { planOf, type RunCopy } from './plan.js';
import type { LinedRow } from './row.js';
import { lastServerId, serverLedger, serverRows, setLastServerId } from './server-source.js';
import {
  type CopyDestination,
  type CopyRequest,
  isOwnTable,
  type LedgerEntry,
  type Named,
  refuseRows,
  toFill,
  UnstorableRow,
} from './sides.js';

/**
 * Migrates the schema at `url` and runs `run` in one transaction, which is committed when it
 * returns; others can't use the tables meanwhile. Throws `INVALID_ARGUMENT` for a schema that has
 * rows, before anything of it changes. `signal` stops what the server is doing.
 */
export async function withServerDestination<Result>(
  url: string,
  request: CopyRequest,
  signal: AbortSignal,
  run: RunCopy<Result>,
): Promise<Result> {
  return await withServer(url, 'write', async (pool, address) => {
    await pool.withSession(async (session) => {
      const { applied, pending, isHalfMade } = await readServerLedger(session, request.list);
      if (isHalfMade) refusePending('', pending);
      if (applied.length === 0) return;
      await assertEmpty(session, address, toFill(request, await describeServer(session)));
    });
    const { list } = request;
    const made = await new PostgresMigrator({ pool, address, list }).up();
    const isFresh = made.length > 0;
    return await pool.withSession((session) =>
      stoppable(pool, session, signal, () =>
        transact(session, address, { ...request, isFresh }, run),
      ),
    );
  });
}

async function assertEmpty(
  session: Session,
  address: string,
  tables: readonly Named[],
): Promise<void> {
  const filled: Named[] = [];
  for (const table of tables) {
    const { rows } = await session.texts(`select 1 from ${quoted(table.name)} limit 1`, []);
    if (rows.length > 0) filled.push(table);
  }
  refuseRows(address, filled);
}

/** Lets the server give up at once when it is asked to, or when `work` fails. */
async function stoppable<Result>(
  pool: SessionPool,
  session: Session,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  const onAbort = () => void pool.cancel(session);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work();
  } catch (error) {
    // A closed connection is rolled back; it may still be in the middle of an answer.
    session.spoil();
    await pool.cancel(session);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function transact<Result>(
  session: Session,
  address: string,
  { source, isFresh }: CopyRequest & { readonly isFresh: boolean },
  run: RunCopy<Result>,
): Promise<Result> {
  await session.texts('begin transaction isolation level read committed', []);
  await session.texts('set local statement_timeout = 0', []);
  await session.texts('set local idle_in_transaction_session_timeout = 0', []);
  await fixFormats(session);
  const plan = source === undefined ? DATA_TABLES : planOf(source, await describeServer(session));
  const names = plan.map(({ name }) => quoted(name)).join(', ');
  await session.texts(`lock table ${names} in access exclusive mode`, []);
  await assertEmpty(session, address, isFresh ? DATA_TABLES : plan);
  await startAfresh(session, names);
  // What migrations put into new tables is in the source too, or was deleted there.
  for (const { name } of plan.filter(isOwnTable).reverse()) {
    await session.texts(`delete from ${quoted(name)}`, []);
  }
  const result = await run(new ServerDestination(session), plan);
  await commit(session);
  return result;
}

/**
 * Begins new, empty tables, which COPY fills in the order of its lines: in old ones it looks for
 * room on earlier pages, and a copy that is rolled back would leave its rows as waste. Not where
 * another's table refers to them, or where the role may not: then only the order differs.
 */
async function startAfresh(session: Session, tables: string): Promise<void> {
  await session.texts('savepoint pylon_db_copy', []);
  try {
    await session.texts(`truncate ${tables}`, []);
  } catch (error) {
    if (!isServerError(error) || !/^(?:0A000|42501)$/.test(error.code)) throw error;
    await session.texts('rollback to savepoint pylon_db_copy', []);
  }
}

/** Characters of a piece that is sent: few messages, little memory. */
const PIECE_LENGTH = 64 * 1024;

class ServerDestination implements CopyDestination {
  readonly #session: Session;
  #readsInOrder = false;

  constructor(session: Session) {
    this.#session = session;
  }

  async store(table: CopiedTable, rows: AsyncIterable<readonly LinedRow[]>): Promise<void> {
    const copy = this.#session.copyIn(
      `copy ${quoted(table.name)} (${columnList(table)}) from stdin`,
    );
    try {
      let piece = '';
      for await (const list of rows) {
        for (const { line } of list) {
          piece += line;
          if (piece.length < PIECE_LENGTH) continue;
          await copy.write(piece);
          piece = '';
        }
      }
      if (piece !== '') await copy.write(piece);
      await copy.end();
    } catch (error) {
      throw refusal(table, error);
    }
  }

  async *rows(table: CopiedTable) {
    // Not before all is stored: foreign keys are looked up by an index.
    if (!this.#readsInOrder) await readInStoredOrder(this.#session);
    this.#readsInOrder = true;
    yield* serverRows(this.#session, table);
  }

  async ledger(): Promise<readonly LedgerEntry[]> {
    return await serverLedger(this.#session);
  }

  async replaceLedger(entries: readonly LedgerEntry[]): Promise<void> {
    for (const { name } of entries) {
      await this.#session.texts('delete from migrations where name = $1', [name]);
    }
    for (const { id, name, applied_at } of entries) {
      await this.#session.texts(
        'insert into migrations (id, name, applied_at) values ($1, $2, $3)',
        [id, name, applied_at],
      );
    }
    const last = await lastServerId(this.#session, LEDGER);
    await setLastServerId(this.#session, LEDGER, last);
  }

  async goOnAfter(table: CopiedTable, last: bigint): Promise<void> {
    const own = await lastServerId(this.#session, table);
    await setLastServerId(this.#session, table, last > own ? last : own);
  }
}

const LEDGER = { name: 'migrations', key: 'id' };

/** About a value, a rule of the schema, and what an index can't hold. */
const ABOUT_A_ROW = /^(?:2[23]|54)/;

/** Names the row's place, where it was the row's fault. The server reports the line, in any language. */
function refusal(table: CopiedTable, error: unknown): unknown {
  if (!isServerError(error) || !ABOUT_A_ROW.test(error.code)) return error;
  const where: unknown = Reflect.get(error, 'where');
  const [, line] = /^\D*?(\d+)/.exec(typeof where === 'string' ? where : '') ?? [];
  if (line === undefined) return error;
  const rule = error.constraint === undefined ? error.code : `${error.constraint}, ${error.code}`;
  return new UnstorableRow(table, Number(line) - 1, `the server refuses it (${rule})`);
}
