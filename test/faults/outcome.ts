/** How one operation ended, in a form that can be compared. */
export type Outcome = { readonly resolved: unknown } | { readonly rejected: string };

/** What a transaction's callback throws by itself. */
export class Thrown extends Error {}

/** What decoding throws for a row that another program spoilt. */
export class Undecodable extends Error {}

/** Gives a row as it is, unless it is account 5's. */
export function decode(row: readonly unknown[]): readonly unknown[] {
  if (row[0] === 5) throw new Undecodable();
  return [...row];
}

/** Waits for an operation's end; `describe` puts its error into words. */
export async function asOutcome(
  running: Promise<unknown>,
  describe: (error: unknown) => string,
): Promise<Outcome> {
  try {
    return { resolved: await running };
  } catch (error) {
    return { rejected: describe(error) };
  }
}

/** What is the same of a query's result whoever ran it. */
export function rowsAndChanges(result: {
  readonly rows: readonly unknown[];
  readonly numAffectedRows?: bigint | undefined;
}): unknown {
  return { rows: result.rows, changes: Number(result.numAffectedRows ?? 0) };
}
