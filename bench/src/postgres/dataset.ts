import pg from 'pg';
import { PostgresServer } from '../../../test/postgres/server.js';
import { loadPylonDb } from '../contestants/pylon-db.js';
import {
  AGENT,
  CUSTOMER,
  CUSTOMERS,
  CYCLE,
  FIRST_SECOND,
  INPUT,
  MULTIPLIERS,
  OUTPUT,
  PAYMENT,
  YEAR_SECONDS,
} from '../rows.js';
import { MANY_AGENTS } from './cases.js';

/** The database that the others are copies of. */
const TEMPLATE = 'template_of_all';

function hashSql(number: string): string {
  const words = MULTIPLIERS.map(
    (m) => `lpad(to_hex(((${number})::bigint * ${m}) & 4294967295), 8, '0')`,
  );
  return `(${words.join(' || ')})`;
}

const statusSql = `case i % ${CYCLE} when 0 then 'pending' when 1 then 'pending'
  when 2 then 'processing' when 3 then 'processing'
  when 4 then case when i % 20 < 10 then 'failed' else 'cancelled' end else 'completed' end`;

const npubSql = (i: string) => `'npub1' || substr(${hashSql(`${AGENT} + ${i}`)}, 1, 58)`;

/** The rows of the SQLite benchmark, with more agents. */
function rowsSql(rows: number): string {
  const at = `(${FIRST_SECOND} + i::bigint * ${YEAR_SECONDS} / ${rows})`;
  const numbers = `generate_series(1, ${rows}) as i`;
  return `
    insert into agents
    select ${npubSql('i - 1')}, 'Agent ' || i, 'active', 1000,
      (select count(*) from generate_series(1, ${rows}) as t where t % ${MANY_AGENTS} = i - 1),
      ${FIRST_SECOND}, null, '["earn"]', ${FIRST_SECOND} + i, ${FIRST_SECOND} + i
    from generate_series(1, ${MANY_AGENTS}) as i;
    insert into jobs
    select ${hashSql('i')}, 5000 + i % 7 * 100, ${hashSql(`${CUSTOMER} + i % ${CUSTOMERS}`)}, status,
      case when status = 'completed' then 1000 + i % 97 * 100 else 0 end,
      ${hashSql(`${INPUT} + i`)},
      case when status = 'completed' then ${hashSql(`${OUTPUT} + i`)} end,
      case when status = 'failed' then 'inference error' end, at + 5,
      case when status not in ('pending', 'processing') then at + 60 end, at
    from (select i, ${statusSql} as status, ${at} as at from ${numbers}) as s;
    insert into earnings
    select 'earn-' || substr(${hashSql('i')}, 1, 36), case when i % 10 < 9 then ${hashSql('i')} end,
      1000 + i % 97 * 100,
      case when i % 10 < 9 then 'job' when i % 20 < 10 then 'tip' else 'other' end,
      ${hashSql(`${PAYMENT} + i`)}, null, ${at} + 60
    from ${numbers};
    insert into tick_history (agent_npub, tick_number, prompt_tokens, completion_tokens,
      actions_json, cost_sats, duration_ms, created_at)
    select ${npubSql(`i % ${MANY_AGENTS}`)}, i / ${MANY_AGENTS} + 1, 100 + i % 900, 50 + i % 400,
      '["Post","Zap"]', 5, 1200 + i % 800, ${at}
    from ${numbers};
    analyze`;
}

/** A server of the benchmark's own, and its databases. */
export class BenchServer {
  readonly #server: PostgresServer;
  readonly rows: number;
  #asking: pg.Client | undefined;

  private constructor(server: PostgresServer, rows: number) {
    this.#server = server;
    this.rows = rows;
  }

  /** Starts it, without fsync, and fills the database that the others are copies of. */
  static async start(rows: number): Promise<BenchServer> {
    const server = new BenchServer(await PostgresServer.start(), rows);
    await server.run('postgres', `create database ${TEMPLATE}`);
    const { PylonDb } = await loadPylonDb();
    const db = await PylonDb.open(server.url(TEMPLATE));
    await db.close();
    await server.run(TEMPLATE, rowsSql(rows));
    return server;
  }

  url(database: string): string {
    return this.#server.url(database);
  }

  /** Makes a database anew, with the rows of the others. */
  async createDatabase(name: string): Promise<void> {
    await this.run('postgres', `drop database if exists ${name}`);
    await this.run('postgres', `create database ${name} template ${TEMPLATE}`);
  }

  /** Runs SQL and gives the rows of the one statement in it that has any. */
  async run(database: string, sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url(database) });
    await client.connect();
    try {
      const results = [await client.query<Record<string, unknown>>(sql)].flat();
      return results.flatMap(({ rows }) => rows);
    } finally {
      await client.end();
    }
  }

  /** Asks a question on a connection that stays open between turns. */
  async ask(sql: string): Promise<Record<string, unknown>[]> {
    if (this.#asking === undefined) {
      this.#asking = new pg.Client({ connectionString: this.url('postgres') });
      await this.#asking.connect();
    }
    return (await this.#asking.query<Record<string, unknown>>(sql)).rows;
  }

  /** Starts it again with other settings; nothing may be connected. */
  async restart(settings: readonly string[] = []): Promise<void> {
    // It is killed: what a checkpoint wrote needs no replay.
    await this.run('postgres', 'checkpoint');
    await this.#asking?.end();
    this.#asking = undefined;
    this.#server.kill();
    this.#server.boot(settings);
  }

  stop(): void {
    this.#server.stop();
  }
}
