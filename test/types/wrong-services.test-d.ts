import type { QueryCreator } from 'kysely';
import { describe, expectTypeOf, it } from 'vitest';
import { AGENT_ROWS } from '../../src/agents/agent.js';
import { TICK_ROWS } from '../../src/agents/tick.js';
import type { ReadHandle } from '../../src/engine/engine.js';
import { noRows, type Params, prepared } from '../../src/engine/prepared.js';
import type { DB, Job } from '../../src/index.js';
import { failJob } from '../../src/jobs/ending-queries.js';
import { JOB_ROWS, returningSound, SOUND_JOB_ROWS } from '../../src/jobs/job.js';
import { getJob, listJobs } from '../../src/jobs/queries.js';
import { PlainRows } from '../../src/schema/plain-row.js';
import { TableRows } from '../../src/schema/row.js';
import { AGENTS, describeTable, integer, orNull, text } from '../../src/schema/tables.js';

// Each was a service that compiled, and read or stored the wrong thing.

const TOTAL_ROWS = new PlainRows([text('status'), integer('count')], (row) => row);

declare const reader: ReadHandle;

type Id = Params<{ id: string }>;
const jobOf = (db: QueryCreator<DB>, p: Id) => db.selectFrom('jobs').where('id', '=', p.id);
const updateOf = (db: QueryCreator<DB>, p: Id) =>
  db.updateTable('jobs').set({ kind: 1 }).where('id', '=', p.id);
const newTick = (db: QueryCreator<DB>, p: Id) =>
  db.insertInto('tick_history').values({ agent_npub: p.id, tick_number: 1 });

describe('a decoder', () => {
  it('takes no column for another of the same kind', () => {
    new TableRows(AGENTS, (row) => ({
      npub: row[0],
      name: row[1],
      lifecycle_state: row[2],
      // @ts-expect-error: tick_count
      balance_sats: row[4],
      // @ts-expect-error: balance_sats
      tick_count: row[3],
      last_tick_at: row[5],
      // @ts-expect-error: goals_json, and NULL as often
      memory_json: row[7],
      // @ts-expect-error: memory_json
      goals_json: row[6],
      created_at: row[8],
      updated_at: row[9],
    }));
  });

  it('leaves no column out', () => {
    // @ts-expect-error: all but the key are missing
    new TableRows(AGENTS, (row) => ({ npub: row[0] }));
  });

  it('reads what its list of columns selects, in that order', () => {
    prepared('list', (db, p: Id) => jobOf(db, p).select(JOB_ROWS.columns), JOB_ROWS);
    const totals = (db: QueryCreator<DB>) => db.selectFrom('pylon_db_job_totals');
    prepared('list', (db) => totals(db).select(TOTAL_ROWS.columns), TOTAL_ROWS);
    // @ts-expect-error: another order
    prepared('order', (db) => totals(db).select(['count', 'status']), TOTAL_ROWS);
    // @ts-expect-error: the same order, written a second time
    prepared('twice', (db) => totals(db).select(['status', 'count']), TOTAL_ROWS);
    // @ts-expect-error: a column less
    prepared('fewer', (db) => totals(db).select('status'), TOTAL_ROWS);
    // @ts-expect-error: whatever order the file has
    prepared('all', (db, p: Id) => jobOf(db, p).selectAll(), JOB_ROWS);
  });

  it('is that of the table', () => {
    // @ts-expect-error: agents
    prepared('other', (db, p: Id) => jobOf(db, p).select(JOB_ROWS.columns), AGENT_ROWS);
    // @ts-expect-error: ticks
    prepared('other', (db, p: Id) => updateOf(db, p).returning(JOB_ROWS.columns), TICK_ROWS);
    // @ts-expect-error: returns nothing
    prepared('none', updateOf, JOB_ROWS);
    // @ts-expect-error: returns jobs
    prepared('some', (db, p: Id) => updateOf(db, p).returning(JOB_ROWS.columns), noRows());
  });

  it('may rely on sound rows only where the WHERE asks for them', () => {
    prepared(
      'asked',
      (db, p: Id, syntax) => updateOf(db, p).$call(returningSound(syntax)),
      SOUND_JOB_ROWS,
    );
    // @ts-expect-error: it asks for nothing
    prepared('false', (db, p: Id) => updateOf(db, p).returning(JOB_ROWS.columns), SOUND_JOB_ROWS);
    // @ts-expect-error: there is no word for it
    prepared('word', (db, p: Id) => jobOf(db, p).select(JOB_ROWS.columns), JOB_ROWS, {
      onlySoundRows: true,
    });
  });
});

describe('a query', () => {
  it('has no parameter but its own', () => {
    // @ts-expect-error: mistyped
    prepared('where', (db, p: Id) => db.deleteFrom('jobs').where('id', '=', p.idd), noRows());
    const remove = prepared(
      'ok',
      (db, p: Id) => db.deleteFrom('jobs').where('id', '=', p.id),
      noRows(),
    );
    // @ts-expect-error: left out
    remove({});
    // @ts-expect-error: mistyped
    remove({ idd: 'a' });
    // @ts-expect-error: one more
    remove({ id: 'a', kind: 5 });
    // @ts-expect-error: another kind
    remove({ id: 5 });
    // @ts-expect-error: a lock by a parameter that isn't there
    prepared('lock', updateOf, noRows(), { locks: { job: 'job_id' } });
  });

  it('names the generated key of the table that it inserts into', () => {
    prepared('key', newTick, noRows(), { generatedKey: 'id' });
    // @ts-expect-error: there is no such column
    prepared('none', newTick, noRows(), { generatedKey: 'tick_id' });
    // @ts-expect-error: the database makes it, but it is no key
    prepared('time', newTick, noRows(), { generatedKey: 'created_at' });
    // @ts-expect-error: inserts nothing
    prepared('update', updateOf, noRows(), { generatedKey: 'id' });
  });

  it('of a page starts after a row', () => {
    listJobs({ limit: 1, before: { created_at: 1, id: 'a' } });
    // @ts-expect-error: mistyped
    listJobs({ limit: 1, before: { createdAt: 1, id: 'a' } });
    // @ts-expect-error: no part of the order
    listJobs({ limit: 1, created_at: 1, id: 'a' });
  });
});

describe('the description of a table', () => {
  const id = integer('id');
  const name = text('name');

  it('has the kinds of the live schema', () => {
    describeTable('migrations', [id, name, integer('applied_at')]);
    // @ts-expect-error: text
    describeTable('migrations', [id, name, text('applied_at')]);
    // @ts-expect-error: never NULL
    describeTable('migrations', [id, name, orNull(integer('applied_at'))]);
  });

  it('has each column and no other', () => {
    // @ts-expect-error: applied_at is missing
    describeTable('migrations', [id, name]);
    // @ts-expect-error: misspelled
    describeTable('migrations', [id, name, integer('appliedAt')]);
    // @ts-expect-error: one more
    describeTable('migrations', [id, name, integer('applied_at'), text('by')]);
  });
});

describe('a read handle', () => {
  const remove = prepared(
    'remove',
    (db, p: Id) => db.deleteFrom('jobs').where('id', '=', p.id),
    noRows(),
  );
  const move = prepared(
    'move',
    (db, p: Id) => updateOf(db, p).returning(JOB_ROWS.columns),
    JOB_ROWS,
  );

  it('runs what reads', () => {
    expectTypeOf(reader.first('get', getJob({ id: 'a' }))).resolves.toEqualTypeOf<
      Job | undefined
    >();
    expectTypeOf(reader.all('get', getJob({ id: 'a' }))).resolves.toEqualTypeOf<Job[]>();
    expectTypeOf(reader.snapshot('get', [getJob({ id: 'a' })])).resolves.toEqualTypeOf<[Job[]]>();
  });

  it('runs nothing that writes', () => {
    // @ts-expect-error: a unit
    reader.write('remove', [{ query: remove({ id: 'a' }) }]);
    // @ts-expect-error: a delete
    reader.first('remove', remove({ id: 'a' }));
    // @ts-expect-error: an update that returns rows
    reader.all('move', move({ id: 'a' }));
    // @ts-expect-error: an update among reads
    reader.snapshot('move', [getJob({ id: 'a' }), move({ id: 'a' })]);
    // @ts-expect-error: an update of the service
    reader.first('fail', failJob({ id: 'a', error_message: 'b', now: 1 }));
  });
});
