import { DefaultQueryExecutor, type Dialect, Kysely, type KyselyPlugin } from 'kysely';
import { PylonDbError } from '../errors.js';
import { refusingDriver } from './refusing-driver.js';

/** A Kysely that compiles queries and runs none. Its plugins throw `NOT_SUPPORTED`. */
export function compilingWith<Tables>(dialect: Dialect): Kysely<Tables> {
  return new Kysely<Tables>({
    config: { dialect },
    driver: refusingDriver,
    dialect,
    executor: new CompilingExecutor(dialect),
  });
}

class CompilingExecutor extends DefaultQueryExecutor {
  readonly #dialect: Dialect;

  constructor(dialect: Dialect, plugins: KyselyPlugin[] = []) {
    const nowhere = {
      provideConnection: () => refusingDriver.acquireConnection() as Promise<never>,
    };
    super(dialect.createQueryCompiler(), dialect.createAdapter(), nowhere, plugins);
    this.#dialect = dialect;
  }

  /** Here only `withSchema` asks for it: it changes the query alone. */
  override withPluginAtFront(plugin: KyselyPlugin): CompilingExecutor {
    return new CompilingExecutor(this.#dialect, [plugin, ...this.plugins]);
  }

  override withPlugin(): never {
    throw new PylonDbError(
      'NOT_SUPPORTED',
      'a prepared query takes no plugins: they would have to change its rows as well',
      {},
      { hint: 'Name columns in the query (id as jobId), or use db.kysely.withPlugin.' },
    );
  }
}
