import { sql } from 'kysely';
import type { UmzugStorage } from 'umzug';
import type { RawRunner } from '../engine/kysely-connection.js';
import { postgresDialect } from '../engine/postgres/dialect.js';
import { hasRacedForTables } from '../engine/postgres/failures.js';
import type { SessionPool } from '../engine/postgres/pool.js';
import { toPylonDbError } from '../engine/postgres/postgres-errors.js';
import { withoutSecrets } from '../engine/postgres/server-error.js';
import type { Session } from '../engine/postgres/session.js';
import { refuseTransactionControl } from '../engine/raw-sql.js';
import type { Border } from './border.js';
import type { MigrationList } from './migration.js';
import { type Direction, MigrationRunner, type TransactionKind } from './migration-runner.js';
import { MigrationStep } from './migration-step.js';
import { CantBeMade, lookAtServerObjects, makeServerObjects } from './own-server-objects.js';
import { readServerLedger } from './postgres-ledger.js';
import { hasLedgerColumns, publishedProblems } from './published-check.js';
import type { LedgerState } from './schema-check.js';
import { readServerFacts } from './server-facts.js';
import { StepRefused } from './watched-runner.js';

/** Where and how migrations of a server run. */
export interface PostgresMigratorProps {
  readonly pool: SessionPool;
  /** As errors may show it. */
  readonly address: string;
  readonly list: MigrationList;
  readonly operation?: string | undefined;
}

type Ledger = { migrations: { name: string } };

/** Times that a step begins anew because another process made the ledger in the same moment. */
const RACES_LOST_AT_MOST = 20;

/**
 * Migrations of a PostgreSQL schema, each in one transaction. A step first writes its ledger row (or
 * deletes it): of two processes the second waits for that row, and then finds nothing left to do.
 */
export class PostgresMigrator extends MigrationRunner {
  readonly #props: PostgresMigratorProps;

  constructor(props: PostgresMigratorProps) {
    super(props.list, props.operation ?? '', 'postgres');
    this.#props = props;
  }

  protected override async ledger(): Promise<LedgerState> {
    const { pool, list, operation } = this.#props;
    return await this.#withOurErrors(() =>
      pool.withSession((session) => readServerLedger(session, list, operation)),
    );
  }

  protected override storage(
    { unrecorded }: MigrationStep,
    name: string,
    direction: Direction,
  ): UmzugStorage {
    const db = unrecorded.withTables<Ledger>();
    const claim = async (): Promise<boolean> => {
      const claimed =
        direction === 'up'
          ? db
              .insertInto('migrations')
              .values({ name })
              .onConflict((conflict) => conflict.column('name').doNothing())
              .returning('name')
          : db.deleteFrom('migrations').where('name', '=', name).returning('name');
      return (await claimed.execute()).length > 0;
    };
    return {
      async executed() {
        const mine = await claim();
        const rows = await db.selectFrom('migrations').select('name').orderBy('name').execute();
        const others = rows.map((row) => row.name).filter((other) => other !== name);
        // To Umzug the ledger is still as it was before the claim.
        return mine === (direction === 'down') ? [...others, name] : others;
      },
      // The claim is the row.
      logMigration: async () => {},
      unlogMigration: async () => {},
    };
  }

  protected override async isHalfMade({ asked }: MigrationStep): Promise<boolean> {
    const { list, operation } = this.#props;
    return (await readServerLedger(asked, list, operation)).isHalfMade;
  }

  protected override async border({ asked }: MigrationStep, before?: Border): Promise<Border> {
    const live = await readServerFacts(asked);
    const ledger = new Map<string, string>();
    if (hasLedgerColumns(live)) {
      const { rows } = await asked.raw(LEDGER_ROWS, [
        [...(before?.ledger.keys() ?? [])],
        before === undefined,
      ]);
      for (const { name, row } of rows) ledger.set(String(name), String(row));
    }
    return { problems: publishedProblems(live, 'postgres'), ledger };
  }

  protected override async transact<Result>(
    { keep }: TransactionKind,
    run: (step: MigrationStep) => Promise<Result>,
  ): Promise<Result> {
    return await this.#withOurErrors(async () => {
      for (let lost = 0; ; lost++) {
        try {
          return await this.#props.pool.withSession((session) =>
            transact(session, keep, async (step) => {
              const result = await run(step);
              if (keep) await this.#keepOwnObjects(step);
              return result;
            }),
          );
        } catch (error) {
          if (lost === RACES_LOST_AT_MOST || !hasRacedForTables(error)) throw error;
        }
      }
    });
  }

  /** A dropped table took our views and indexes along: they are made again with it. */
  async #keepOwnObjects({ asked }: MigrationStep): Promise<void> {
    const { list, operation } = this.#props;
    const { applied } = await readServerLedger(asked, list, operation);
    const objects = await lookAtServerObjects(asked, applied);
    await makeServerObjects(
      asked,
      objects.filter(({ isLost, mayBeMade }) => isLost && mayBeMade),
    );
  }

  async #withOurErrors<Result>(run: () => Promise<Result>): Promise<Result> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof CantBeMade) throw new StepRefused(error.problem);
      throw toPylonDbError(error, this.#props.address, this.#props.operation);
    }
  }
}

/** Of those that came since the first look, other transactions' are none of the migration's. */
const LEDGER_ROWS = `
  select name, concat_ws(' ', id, applied_at) as row from migrations
  where $2 or name = any($1) or xmin::text::bigint = txid_current() % 4294967296`;

async function transact<Result>(
  session: Session,
  keep: boolean,
  run: (step: MigrationStep) => Promise<Result>,
): Promise<Result> {
  const raw: RawRunner['raw'] = async (statement, parameters) => {
    refuseTransactionControl(statement);
    try {
      return await session.raw(statement, parameters);
    } catch (error) {
      throw withoutSecrets(error);
    }
  };
  const step = new MigrationStep(postgresDialect, { raw });
  await session.raw('begin isolation level read committed', []);
  try {
    await createLedger(step);
    const result = await run(step);
    await session.raw(keep ? 'commit' : 'rollback', []);
    return result;
  } catch (error) {
    // Where the connection is lost, the server has done it.
    await session.raw('rollback', []).catch(() => {});
    throw error;
  }
}

/** The ledger as the first migration would make it: its own row is claimed there before. */
async function createLedger({ unrecorded: db }: MigrationStep): Promise<void> {
  await db.schema
    .createTable('migrations')
    .ifNotExists()
    .addColumn('id', 'bigint', (col) =>
      col.primaryKey().modifyEnd(sql`generated by default as identity`),
    )
    .addColumn('name', 'text', (col) => col.notNull().unique())
    .addColumn('applied_at', 'bigint', (col) =>
      col.notNull().defaultTo(sql`(floor(extract(epoch from now()))::bigint)`),
    )
    .execute();
}
