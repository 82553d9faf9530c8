import {
  type AccessMode,
  type ConnectionProvider,
  DefaultQueryExecutor,
  type Dialect,
  type IsolationLevel,
  Kysely,
  type KyselyPlugin,
  type KyselyProps,
  Transaction,
  TransactionBuilder,
} from 'kysely';
import { PylonDbError } from '../errors.js';
import { QueryConnection, type RawRunner } from './kysely-connection.js';
import { refusingDriver } from './refusing-driver.js';

/** Opens a transaction and gives the callback the way to run queries in it. */
type Transact = <Result>(run: (tx: RawRunner) => Promise<Result>) => Promise<Result>;

/**
 * `db.kysely`: any query, type-checked, through the same queues as the services. Its
 * `transaction()` is `db.transaction`; whatever would take a connection of its own throws
 * `NOT_SUPPORTED`.
 */
export class QueuedKysely<Tables> extends Kysely<Tables> {
  readonly #props: KyselyProps;
  readonly #transact: Transact;

  constructor(props: KyselyProps, transact: Transact) {
    super(props);
    this.#props = props;
    this.#transact = transact;
  }

  /** The same for other tables: which there are, the database says. */
  typed<Others>(): QueuedKysely<Others> {
    return new QueuedKysely(this.#props, this.#transact);
  }
  override transaction(): TransactionBuilder<Tables> {
    return new QueuedTransactionBuilder(this.#props, this.#transact);
  }
  override startTransaction(): never {
    return refuse('startTransaction');
  }
  override connection(): never {
    return refuse('connection', CONNECTION_HINT);
  }
  override async destroy(): Promise<void> {
    refuse('destroy');
  }
  override withPlugin(plugin: KyselyPlugin): QueuedKysely<Tables> {
    return new QueuedKysely(withPlugin(this.#props, plugin), this.#transact);
  }
  override withSchema(schema: string): QueuedKysely<Tables> {
    const executor = super.withSchema(schema).getExecutor();
    return new QueuedKysely({ ...this.#props, executor }, this.#transact);
  }
  override withoutPlugins(): QueuedKysely<Tables> {
    return new QueuedKysely(withoutPlugins(this.#props), this.#transact);
  }
  override withTables<More extends Record<string, unknown>>() {
    return new QueuedKysely<Tables & More>(this.#props, this.#transact);
  }
}

/** `tx.kysely`: any query inside the open transaction. */
export class OpenTransaction<Tables> extends Transaction<Tables> {
  readonly #props: KyselyProps;

  constructor(props: KyselyProps) {
    super(props);
    this.#props = props;
  }

  override transaction(): never {
    return refuse('transaction', 'Inside a transaction use tx directly; calls nest by savepoints.');
  }
  override startTransaction(): never {
    return refuse('startTransaction');
  }
  override connection(): never {
    return refuse('connection', CONNECTION_HINT);
  }
  override async destroy(): Promise<void> {
    refuse('destroy');
  }
  override withPlugin(plugin: KyselyPlugin): OpenTransaction<Tables> {
    return new OpenTransaction(withPlugin(this.#props, plugin));
  }
  override withSchema(schema: string): OpenTransaction<Tables> {
    const executor = super.withSchema(schema).getExecutor();
    return new OpenTransaction({ ...this.#props, executor });
  }
  override withoutPlugins(): OpenTransaction<Tables> {
    return new OpenTransaction(withoutPlugins(this.#props));
  }
  override withTables<More extends Record<string, unknown>>() {
    return new OpenTransaction<Tables & More>(this.#props);
  }
}

class QueuedTransactionBuilder<Tables> extends TransactionBuilder<Tables> {
  readonly #props: KyselyProps;
  readonly #transact: Transact;

  constructor(props: KyselyProps, transact: Transact) {
    super(props);
    this.#props = props;
    this.#transact = transact;
  }

  /** Takes what every transaction here is; throws `NOT_SUPPORTED` for another. */
  override setAccessMode(mode: AccessMode): this {
    if (mode === 'read write') return this;
    throw notSupported(
      `access mode ${mode} isn't available`,
      'Transactions here read and write. Open the database with readonly to write nothing.',
    );
  }
  /** Takes what every transaction here is; throws `NOT_SUPPORTED` for another. */
  override setIsolationLevel(level: IsolationLevel): this {
    if (level === 'serializable') return this;
    throw notSupported(
      `isolation level ${level} isn't available`,
      'Transactions here are serializable, which keeps the promises of every other level.',
    );
  }
  override execute<Result>(callback: (trx: Transaction<Tables>) => Promise<Result>) {
    return this.#transact((tx) =>
      callback(new OpenTransaction({ ...this.#props, executor: executorOn(this.#props, tx) })),
    );
  }
}

/** A Kysely whose queries `dialect` compiles and `runner` runs. */
export function kyselyProps(dialect: Dialect, runner: RawRunner): KyselyProps {
  const executor = new DefaultQueryExecutor(
    dialect.createQueryCompiler(),
    dialect.createAdapter(),
    provide(runner),
  );
  return { config: { dialect }, driver: refusingDriver, dialect, executor };
}

function executorOn(props: KyselyProps, runner: RawRunner): KyselyProps['executor'] {
  return props.executor.withConnectionProvider(provide(runner));
}

function provide(runner: RawRunner): ConnectionProvider {
  const connection = new QueryConnection(runner);
  return { provideConnection: (consumer) => consumer(connection) };
}

function withPlugin(props: KyselyProps, plugin: KyselyPlugin): KyselyProps {
  return { ...props, executor: props.executor.withPlugin(plugin) };
}

function withoutPlugins(props: KyselyProps): KyselyProps {
  return { ...props, executor: props.executor.withoutPlugins() };
}

const CONNECTION_HINT =
  'Use db.transaction(async tx => …). Migrations go into the option migrations of PylonDb.open.';

function refuse(method: string, hint = 'Use db.transaction(async tx => …) and db.close().'): never {
  throw notSupported(`${method}() would go round the write queue`, hint);
}

function notSupported(problem: string, hint: string): PylonDbError<'NOT_SUPPORTED'> {
  return new PylonDbError('NOT_SUPPORTED', problem, {}, { operation: 'kysely', hint });
}
