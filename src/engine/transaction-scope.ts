import { AsyncLocalStorage } from 'node:async_hooks';
import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PylonDbError, withDeepStack } from '../errors.js';

/** Where a call came from, outside this package; put into words (`file:line:column`) when asked. */
export class CallSite {
  // Its stack costs a tenth of its text.
  readonly #error = withDeepStack(() => new Error());

  toString(): string {
    return callSiteOf(this.#error);
  }
}

interface Scope {
  readonly openedAt: CallSite;
  open: boolean;
}

/**
 * Knows whether a call comes from inside a transaction's callback. There, the outer handle would
 * wait for the very transaction that waits for it, for ever.
 */
export class TransactionScope {
  readonly #storage = new AsyncLocalStorage<Scope>();
  #running = 0;

  async run<Result>(openedAt: CallSite, callback: () => Promise<Result>): Promise<Result> {
    const scope: Scope = { openedAt, open: true };
    this.#running += 1;
    try {
      return await this.#storage.run(scope, callback);
    } finally {
      // Work that the callback left running keeps the scope: the flag says that it may go on.
      scope.open = false;
      this.#running -= 1;
      // An enabled storage makes every promise of the process dearer.
      if (this.#running === 0) this.#storage.disable();
    }
  }

  /** Throws `OUTER_HANDLE_IN_TRANSACTION`, naming both places. */
  assertOutside(operation: string): void {
    if (this.#running === 0) return;
    const scope = this.#storage.getStore();
    if (scope?.open !== true) return;
    const calledAt = `${new CallSite()}`;
    const transactionOpenedAt = `${scope.openedAt}`;
    throw new PylonDbError(
      'OUTER_HANDLE_IN_TRANSACTION',
      `called on db at ${calledAt}, inside the transaction opened at ${transactionOpenedAt}`,
      { calledAt, transactionOpenedAt },
      { operation, hint: HINT },
    );
  }
}

const HINT =
  "Call it on tx instead: on db it would wait for itself for ever. If it isn't this transaction's call, a limiter or emitter that both share started it: wrap what you hand over in AsyncResource.bind.";

const OWN_FOLDER = dirname(fileURLToPath(import.meta.url));

/** Our own code: `src/` from source, `dist/` when built. */
const OWN_CODE = OWN_FOLDER.endsWith(`${sep}src${sep}engine`) ? dirname(OWN_FOLDER) : OWN_FOLDER;

function callSiteOf(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const frame = frames.find(
    (line) => !line.includes(`${OWN_CODE}${sep}`) && !/node:internal|node_modules/.test(line),
  );
  return frame?.replace(/^\s+at (?:.*\()?|\)$/g, '') ?? 'an unknown place';
}
