/** One object of the schema that is not as its migrations made it. */
export interface Drift {
  readonly type: string;
  readonly name: string;
  /** What is wrong, in words. */
  readonly problem: string;
  /** The SQL that the migrations give; `null` for an object that none of them makes. */
  readonly expected: string | null;
  /** The SQL in the database; `null` when the object is missing. */
  readonly found: string | null;
}
