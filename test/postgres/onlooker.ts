import pg from 'pg';

const CHECK_VIOLATION = '23514';

/** A connection next to PylonDb's, whichever driver makes it. */
export interface LookingConnection {
  query<Row extends object>(
    sql: string,
    parameters: unknown[],
  ): Promise<{ readonly rows: readonly Row[] }>;
  /** Runs one statement with parameters, or several without, while foreign keys don't hold. */
  write(sql: string, parameters: unknown[]): Promise<void>;
}

/** Looks and writes as another program does. */
export class Onlooker {
  readonly #connection: LookingConnection;

  constructor(connection: LookingConnection) {
    this.#connection = connection;
  }

  async read(sql: string, parameters: readonly unknown[]): Promise<object[]> {
    const { rows } = await this.#connection.query<object>(numbered(sql), [...parameters]);
    return [...rows];
  }

  /** Runs one statement, or several without parameters. A CHECK that refuses it is dropped. */
  async write(sql: string, parameters: readonly unknown[]): Promise<void> {
    const run = () =>
      this.#connection.write(parameters.length === 0 ? sql : numbered(sql), [...parameters]);
    try {
      await run();
    } catch (error) {
      if (!isCheckViolation(error)) throw error;
      await this.#dropChecks();
      await run();
    }
  }

  async literals(tables: readonly string[]): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {};
    for (const table of tables) found[table] = await this.#literalRows(table);
    return found;
  }

  /** Makes a trigger that refuses writes; see `TestDatabase.refuse`. */
  async refuse(event: string, when: string | undefined): Promise<void> {
    await this.#connection.write(
      `create function refuse() returns trigger language plpgsql
         as $$ begin raise exception 'refused'; end $$;
       create trigger refuse ${event} for each row
         ${when === undefined ? '' : `when (${when})`} execute function refuse()`,
      [],
    );
  }

  /** Makes a trigger that keeps rows out, or removes them; see `TestDatabase.swallow`. */
  async swallow(event: string): Promise<void> {
    await this.#connection.write(
      `create function swallow() returns trigger language plpgsql as $$ begin
         if tg_when = 'AFTER' then
           execute format('delete from %I where id = $1', tg_table_name) using new.id;
         end if;
         return null;
       end $$;
       create trigger swallow ${event} for each row execute function swallow()`,
      [],
    );
  }

  async #literalRows(table: string): Promise<string[]> {
    const columns = await this.#connection.query<{ name: string; is_text: boolean }>(
      `select column_name as name, data_type = 'text' as is_text from information_schema.columns
       where table_schema = current_schema() and table_name = $1 order by ordinal_position`,
      [table],
    );
    const values = columns.rows.map(({ name, is_text }) => {
      const literal = is_text ? `quote_nullable("${name}")` : `coalesce("${name}"::text, 'NULL')`;
      return `'${name}=' || ${literal}`;
    });
    const { rows } = await this.#connection.query<{ row: string }>(
      `select ${values.join(" || ' ' || ")} as row from "${table}" order by 1`,
      [],
    );
    return rows.map(({ row }) => row);
  }

  async #dropChecks(): Promise<void> {
    await this.#connection.write(
      `do $$ declare one record; begin
        for one in select conrelid::regclass as of_table, conname from pg_constraint
          where contype = 'c' and connamespace = current_schema()::regnamespace
        loop execute format('alter table %s drop constraint %I', one.of_table, one.conname); end loop;
      end $$`,
      [],
    );
  }
}

/** `?` as PostgreSQL has it: $1, $2. */
function numbered(sql: string): string {
  let number = 0;
  return sql.replaceAll('?', () => `$${++number}`);
}

function isCheckViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === CHECK_VIOLATION;
}

/**
 * Lets our triggers count what this connection writes, though its foreign keys don't hold: another
 * program's writes are counted.
 */
export const COUNTING = `do $$ declare one record; begin
  for one in select tgrelid::regclass as of_table, tgname from pg_trigger
    where tgname like 'pylon\\_db\\_%' and not tgisinternal
  loop execute format('alter table %s enable always trigger %I', one.of_table, one.tgname); end loop;
end $$`;

/** A connection to a server. */
export class ServerConnection implements LookingConnection {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async to(url: string): Promise<ServerConnection> {
    const client = new pg.Client({ connectionString: url, types: { getTypeParser } });
    client.on('error', () => {});
    await client.connect();
    await client.query(
      `set session_replication_role = replica; set client_min_messages = error; ${COUNTING}`,
    );
    return new ServerConnection(client);
  }

  async query<Row extends object>(sql: string, parameters: unknown[]) {
    return await this.#client.query<Row>(sql, parameters);
  }

  async write(sql: string, parameters: unknown[]): Promise<void> {
    await this.#client.query(sql, parameters);
  }

  async end(): Promise<void> {
    await this.#client.end();
  }
}

/** A bigint or numeric as a number; what a number can't hold exactly, as text. */
export function exactNumber(text: string): number | string {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

/** Types whose values may be too large for a number. */
export const LARGE_NUMBERS = [pg.types.builtins.INT8, pg.types.builtins.NUMERIC];

function getTypeParser(oid: number, format?: 'text' | 'binary') {
  return LARGE_NUMBERS.includes(oid) ? exactNumber : pg.types.getTypeParser(oid, format);
}
