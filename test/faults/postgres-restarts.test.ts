import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { agent } from '../engine/fresh.js';
import { connected, describeOnServer, opened } from '../postgres/own-server.js';
import type { PostgresServer } from '../postgres/server.js';
import { Program, type ProgramEnd, type Run } from './program.js';
import { fuzzSeed, Random } from './random.js';
import { reported } from './table.js';

const SEED = fuzzSeed();
const WRITERS = 4;

/** Fewer would prove little. */
const LEAST_ACKNOWLEDGED = 1000;

const writer = new Program(join(import.meta.dirname, 'postgres-restarts-writer.ts'));

/** Each ends every connection in the middle of what it does. */
const DEATHS: readonly ((server: PostgresServer) => Promise<void>)[] = [
  async (server) => {
    server.kill();
    server.boot();
  },
  async (server) => {
    server.crash();
    await server.bootAfterCrash();
  },
  async (server) => {
    server.kill();
    // Long enough that every writer calls while nobody answers.
    await sleep(300);
    server.boot();
  },
];

describeOnServer('on a server', (own) => {
  it(`that dies ${DEATHS.length} times under load, what was acknowledged is stored, and no more than was reported (seed ${SEED})`, async () => {
    const random = new Random(SEED);
    const url = await own.freshSchema();
    const first = await PylonDb.open(url);
    for (const npub of ['a', 'b', 'c']) await first.agents.upsert(agent(npub));
    await first.close();
    // A PylonDb that does nothing while its server dies has nobody to report it to.
    const idle = await opened(url);
    await idle.agents.listAll();

    const runs = await Promise.all(
      Array.from({ length: WRITERS }, (_, i) => writer.start([url, i + 1])),
    );
    await Promise.all(runs.map((run) => run.spoke()));
    for (const die of DEATHS) {
      await sleep(400 + random.int(400));
      await die(own.server);
    }
    await sleep(500);
    const [victim, ...others] = runs;
    const ends = [await killed(victim), ...(await Promise.all(others.map(stopped)))];

    const said = ends.flatMap(({ lines }) => lines);
    const account = accountOf(said);
    expect(said.filter((line) => line.startsWith('failed'))).toEqual([]);
    const outside = await connected(url);
    const stored = await storedIn(outside);
    const whose = (what: string) => stored.has(what);
    expect([...account.ok].filter((what) => !whose(what))).toEqual([]);
    expect([...account.lost].filter(whose)).toEqual([]);
    const silent = [...stored].filter(
      (what) => !account.ok.has(what) && !account.unknown.has(what),
    );
    const inFlight = new Set(accountOf(ends[0]?.lines ?? []).open);
    expect(silent.filter((what) => !inFlight.has(what))).toEqual([]);
    expect(await halfUnits(outside)).toEqual([]);
    expect(await idle.agents.listAll()).toHaveLength(3);
    expect(account.ok.size).toBeGreaterThan(LEAST_ACKNOWLEDGED);
    expect(account.lost.size).toBeGreaterThan(0);
    const unknownStored = [...account.unknown].filter(whose).length;
    report(account, unknownStored);
  });
});

function report(account: Account, unknownStored: number): void {
  reported('PostgreSQL: a server that dies', {
    tried: `stopped hard twice and its first process killed once, under ${WRITERS} processes, one killed too`,
    figure: `${account.ok.size.toLocaleString('en')} acknowledged, 0 lost, 0 half units; ${account.unknown.size} COMMIT_UNKNOWN, of which ${unknownStored} stored; ${account.lost.size} CONNECTION_LOST, 0 stored`,
  });
}

interface Account {
  readonly ok: ReadonlySet<string>;
  readonly unknown: ReadonlySet<string>;
  readonly lost: ReadonlySet<string>;
  /** Started, without an end. */
  readonly open: readonly string[];
}

function accountOf(lines: readonly string[]): Account {
  const of = (word: string) =>
    new Set(
      lines
        .filter((line) => line.startsWith(`${word} `))
        .map((line) => line.slice(word.length + 1)),
    );
  const [ok, unknown, lost, started] = [of('ok'), of('unknown'), of('lost'), of('start')];
  const open = [...started].filter(
    (what) => !ok.has(what) && !unknown.has(what) && !lost.has(what),
  );
  return { ok, unknown, lost, open };
}

async function stopped(run: Run): Promise<ProgramEnd> {
  run.child.stdin?.end();
  const end = await run.ended;
  expect({ ...end, lines: end.lines.slice(-1) }).toEqual({
    lines: ['stopped'],
    stderr: '',
    exitCode: 0,
    signal: null,
  });
  return end;
}

async function killed(run: Run | undefined): Promise<ProgramEnd> {
  if (run === undefined) throw new Error('There is no writer');
  const end = await run.kill();
  expect({ signal: end.signal, stderr: end.stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
  return end;
}

async function storedIn(outside: pg.Client): Promise<Set<string>> {
  const { rows } = await outside.query<{ what: string }>(`
    select 'tick ' || tick_number as what from tick_history
    union all select 'job ' || id from jobs where kind = 1
    union all select 'paid ' || job_id from earnings where source = 'job'
    union all select 'pair ' || replace(id, '-one', '') from jobs where id like '%-one'
    union all select 'tip ' || id from earnings where source = 'tip'`);
  return new Set(rows.map(({ what }) => what));
}

async function halfUnits(outside: pg.Client): Promise<unknown[]> {
  const { rows } = await outside.query(`
    select npub as half from agents a
      where tick_count <> (select count(*) from tick_history where agent_npub = a.npub)
    union all select id from jobs j where kind = 1
      and (status = 'completed') <> exists (select 1 from earnings where job_id = j.id)
    union all select payment_hash from earnings where payment_hash is not null
      group by payment_hash having count(*) > 1
    union all select id from jobs j where kind = 2 and not exists (select 1 from jobs k
      where k.id = left(j.id, -3) || case when j.id like '%one' then 'two' else 'one' end)`);
  return rows;
}
