import type { CallSite } from '../transaction-scope.js';

/** How long a transaction may make no call while others wait until it is named, in milliseconds. */
const IDLE_MS = 2000;

/** Who keeps others waiting. */
export interface Holder {
  /** Missing when it isn't a transaction of a caller. */
  readonly openedAt: CallSite | undefined;
  /** How many calls it made. */
  calls: number;
}

/**
 * Warns once of a transaction that makes no call while others wait for it. It may wait for one of
 * them: async context can't tell whether what was queued outside is awaited inside.
 */
export class IdleWatch {
  #timer: NodeJS.Timeout | undefined;

  /** Somebody waits for `holder`. */
  waitFor(holder: Holder): void {
    if (this.#timer !== undefined || holder.openedAt === undefined) return;
    let { calls } = holder;
    this.#timer = setInterval(() => {
      if (holder.calls === calls) {
        warn(holder);
        clearInterval(this.#timer);
      }
      calls = holder.calls;
    }, IDLE_MS).unref();
  }

  /** The holder is gone. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function warn({ openedAt }: Holder): void {
  process.emitWarning(
    `the transaction opened at ${openedAt} made no call for ${IDLE_MS / 1000} s while other calls on its database wait for it`,
    {
      type: 'PylonDbWarning',
      detail:
        'If it awaits one of them (queued outside, or run by a shared limiter or worker), it waits for ever: make that call on tx. Else do slow work before or after it, or give it timeoutMs.',
    },
  );
}
