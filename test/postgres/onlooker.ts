import pg from 'pg';

const CHECK_VIOLATION = '23514';

/** A connection beside PylonDb's, as another program has it. */
export class Onlooker {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async connect(url: string): Promise<Onlooker> {
    const client = new pg.Client({ connectionString: url, types: { getTypeParser } });
    await client.connect();
    // As SQLite's onlooker writes: foreign keys don't hold for it.
    await client.query('set session_replication_role = replica; set client_min_messages = error');
    return new Onlooker(client);
  }

  async read(sql: string, parameters: readonly unknown[]): Promise<object[]> {
    const { rows } = await this.#client.query<object>(numbered(sql), [...parameters]);
    return rows;
  }

  /** Runs one statement, or several without parameters. A CHECK that refuses it is dropped. */
  async write(sql: string, parameters: readonly unknown[]): Promise<void> {
    const run = () =>
      parameters.length === 0
        ? this.#client.query(sql)
        : this.#client.query(numbered(sql), [...parameters]);
    try {
      await run();
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || error.code !== CHECK_VIOLATION) throw error;
      await this.#dropChecks();
      await run();
    }
  }

  async literals(tables: readonly string[]): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {};
    for (const table of tables) found[table] = await this.#literalRows(table);
    return found;
  }

  async end(): Promise<void> {
    await this.#client.end();
  }

  async #literalRows(table: string): Promise<string[]> {
    const columns = await this.#client.query<{ name: string; is_text: boolean }>(
      `select column_name as name, data_type = 'text' as is_text from information_schema.columns
       where table_schema = current_schema() and table_name = $1 order by ordinal_position`,
      [table],
    );
    const values = columns.rows.map(({ name, is_text }) => {
      const literal = is_text ? `quote_nullable("${name}")` : `coalesce("${name}"::text, 'NULL')`;
      return `'${name}=' || ${literal}`;
    });
    const { rows } = await this.#client.query<{ row: string }>(
      `select ${values.join(" || ' ' || ")} as row from "${table}" order by 1`,
    );
    return rows.map(({ row }) => row);
  }

  async #dropChecks(): Promise<void> {
    await this.#client.query(`do $$ declare one record; begin
      for one in select conrelid::regclass as of_table, conname from pg_constraint
        where contype = 'c' and connamespace = current_schema()::regnamespace
      loop execute format('alter table %s drop constraint %I', one.of_table, one.conname); end loop;
    end $$`);
  }
}

/** `?` as PostgreSQL has it: $1, $2. */
function numbered(sql: string): string {
  let number = 0;
  return sql.replaceAll('?', () => `$${++number}`);
}

/** bigint and numeric as numbers; what a number can't hold exactly, as text. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  const parse = pg.types.getTypeParser(oid, format);
  const isInteger = oid === pg.types.builtins.INT8 || oid === pg.types.builtins.NUMERIC;
  if (!isInteger) return parse;
  return (text: string) => {
    const number = Number(text);
    return Number.isSafeInteger(number) ? number : text;
  };
}
