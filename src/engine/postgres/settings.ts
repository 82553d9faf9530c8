import type { ClientBase } from 'pg';
import { PylonDbError } from '../../errors.js';

/**
 * What our SQL and our reading of rows and catalogue rely on, whatever the server, its database or
 * the role has as its default. Not as startup parameters: poolers refuse those that they don't know.
 */
const RELIED_ON = [
  // The texts of the catalogue are compared, and tokens of them read.
  'quote_all_identifiers = off',
  // A backslash in a literal is a backslash.
  'standard_conforming_strings = on',
  // Values come as text: these are the forms that the driver reads, with all digits.
  'bytea_output = hex',
  'datestyle = iso',
  'intervalstyle = postgres',
  'extra_float_digits = 1',
  // A lone batch has no BEGIN that names its isolation. A standby refuses serializable reads.
  "default_transaction_isolation = 'read committed'",
];

/**
 * Gives the encoding, and lets the server compile nothing: our statements read few rows, but it judges
 * them by branches that it never enters, such as the one that would sum a whole history, and would
 * compile for longer than they run. Older servers know no such setting.
 */
const LAST_SETTING = `select current_setting('server_encoding') as server_encoding,
  case when current_setting('jit', true) is not null then set_config('jit', 'off', false) end`;

/** What one PylonDb asks of its connections. */
export interface ConnectionWishes {
  readonly readonly: boolean;
  readonly lockTimeoutMs: number;
  /** Whether a query fails of which policies would hide rows, instead of leaving them out. */
  readonly seesAllRows?: boolean;
}

/**
 * Makes a new connection ready for our statements. Throws `NOT_SUPPORTED` for a database of another
 * encoding than UTF-8, which can't store every text.
 */
export async function prepareConnection(
  client: ClientBase,
  { readonly, lockTimeoutMs, seesAllRows = false }: ConnectionWishes,
): Promise<void> {
  const settings = [
    ...RELIED_ON,
    `lock_timeout = ${lockTimeoutMs}`,
    ...(readonly ? ['default_transaction_read_only = on'] : []),
    ...(seesAllRows ? ['row_security = off'] : []),
  ];
  await client.query(settings.map((setting) => `set ${setting}`).join(';'));
  const { rows } = await client.query<{ server_encoding: string }>(LAST_SETTING);
  const encoding = rows[0]?.server_encoding;
  if (encoding === 'UTF8') return;
  throw new PylonDbError(
    'NOT_SUPPORTED',
    `the database's encoding is ${encoding}, which can't store every text`,
    {},
    {
      hint: "Make one with encoding 'UTF8' template template0, and copy the data there.",
    },
  );
}
