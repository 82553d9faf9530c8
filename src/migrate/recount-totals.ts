import type Database from 'better-sqlite3';
import type { Compilable } from 'kysely';
import { EARNING_SOURCES } from '../../generated/db.js';
import { compilingKysely } from '../engine/sqlite/connection.js';
import { countFromRows } from './rollup-views.js';

type Stash = { pylon_db_replaced_jobs: object; pylon_db_replaced_earnings: object };

/**
 * Counts all totals anew, inside the caller's write transaction. Afterwards the connection reads
 * the totals that triggers keep.
 */
export function recountTotals(db: Database.Database): void {
  const build = compilingKysely();
  const [main, temp] = [build.withSchema('main'), build.withSchema('temp')];
  const run = (statement: Compilable) => {
    const { sql, parameters } = statement.compile();
    db.prepare(sql).run(...parameters);
  };
  countFromRows(db, true);
  run(main.deleteFrom('pylon_db_job_totals'));
  run(main.deleteFrom('pylon_db_earning_totals'));
  run(main.deleteFrom('pylon_db_paid_jobs'));
  run(
    main
      .insertInto('pylon_db_job_totals')
      .columns(['status', 'count'])
      .expression(temp.selectFrom('pylon_db_job_totals').select(['status', 'count'])),
  );
  run(
    main
      .insertInto('pylon_db_earning_totals')
      .columns(['source', 'amount_high', 'amount_low', 'count'])
      .expression(
        temp
          .selectFrom('pylon_db_earning_totals')
          .select(['source', 'amount_high', 'amount_low', 'count']),
      ),
  );
  // Triggers update rows, and make none: each source must have one.
  const zero = { amount_high: 0, amount_low: 0, count: 0 };
  run(
    main
      .insertInto('pylon_db_earning_totals')
      .values([...EARNING_SOURCES, 'invalid'].map((source) => ({ source, ...zero })))
      .onConflict((conflict) => conflict.doNothing()),
  );
  run(
    main
      .insertInto('pylon_db_paid_jobs')
      .columns(['id', 'count'])
      .expression(temp.selectFrom('pylon_db_paid_jobs').select(['id', 'count'])),
  );
  // What a write was about to replace when the triggers were last there says nothing of the rows of
  // today: left standing, it would be taken off the totals once more.
  const stash = main.withTables<Stash>();
  run(stash.deleteFrom('pylon_db_replaced_jobs'));
  run(stash.deleteFrom('pylon_db_replaced_earnings'));
  countFromRows(db, false);
}
