import type { Clock, Durability, QueryEvent } from './engine/engine.js';
import { PylonDbError } from './errors.js';
import type { MigrationList } from './migrate/migration.js';
import {
  assertMigrationNames,
  INITIAL_MIGRATION,
  OUR_MIGRATION,
} from './migrate/migration-names.js';
import {
  type Check,
  integer,
  invalid,
  object,
  oneOf,
  plusZero,
  timestamp,
} from './schema/input.js';

/** How a database is opened. */
export interface OpenOptions {
  /** Only read; never changes the database (it may leave empty sidecar files). Default false. */
  readonly readonly?: boolean;
  /** Create a missing file. False throws `CANNOT_OPEN`: a volume may not be mounted. Default true. */
  readonly create?: boolean;
  /** Apply pending migrations. False throws `SCHEMA_MISMATCH` when there are any. Default true. */
  readonly migrate?: boolean;
  /** A service's own migrations, in the same ledger, after ours. */
  readonly migrations?: MigrationList;
  /** `full` also outlives a power cut, at an fsync a commit. Default `normal`, as published. */
  readonly durability?: Durability;
  /** How long a write waits for another process, in milliseconds. Default 5000. */
  readonly busyTimeoutMs?: number;
  /** Unix seconds. Default: the system's clock. */
  readonly clock?: Clock;
  /** Called for every statement with its SQL, duration and error, never parameter values. */
  readonly onQuery?: (event: QueryEvent) => void;
}

/** How long `db.transaction` may take. */
export interface TransactionOptions {
  /** Roll back after so many milliseconds. Default: no limit. */
  readonly timeoutMs?: number;
}

/** A write waits for another process for so long by default, in ms: a backup's lock is shorter. */
export const DEFAULT_BUSY_TIMEOUT_MS = 5000;

/** Timers hold 31 bits of milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const typeOf =
  (type: 'boolean' | 'function', fix: string): Check =>
  (value, field, operation) => {
    if (typeof value !== type) throw invalid(field, operation, fix, value);
  };

const migrationList: Check = (value, field, operation) => {
  if (typeof value !== 'object' || value === null) {
    throw invalid(field, operation, 'an object of name → import', value);
  }
  assertMigrationNames(value, field, operation);
  for (const [name, load] of Object.entries(value)) {
    if (typeof load !== 'function') {
      throw invalid(`${field}.${name}`, operation, 'a function that imports the migration', load);
    }
    if (OUR_MIGRATION.test(name) || name === INITIAL_MIGRATION) {
      throw new PylonDbError(
        'INVALID_ARGUMENT',
        `${name} is a name of pylon-db's own migrations`,
        { field },
        { operation, hint: 'Name yours otherwise: 002_add_priority.' },
      );
    }
  }
};

/** The checks of options. */
export const optionsInput = {
  open: object({
    readonly: typeOf('boolean', 'true or false'),
    create: typeOf('boolean', 'true or false'),
    migrate: typeOf('boolean', 'true or false'),
    migrations: migrationList,
    durability: oneOf(['normal', 'full']),
    busyTimeoutMs: integer(0, MAX_TIMER_MS),
    clock: typeOf('function', 'a function that gives unix seconds'),
    onQuery: typeOf('function', 'a function'),
  }),
  transaction: object({ timeoutMs: integer(1, MAX_TIMER_MS) }),
} satisfies Record<string, Check>;

/** The clock as services call it: throws `INVALID_ARGUMENT` for a time that can't be stored. */
export function checkedClock(clock: Clock): Clock {
  return () => {
    const now = clock();
    timestamp(now, 'clock', 'clock');
    return plusZero(now);
  };
}

/** The clock that is used when none is injected. */
export const systemClock: Clock = () => Math.floor(Date.now() / 1000);
