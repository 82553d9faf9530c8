/** Where a database is. */
export interface DatabasePlace {
  /** As it may be shown: a file's absolute path, or a server's URL without password. */
  readonly path: string;
  /** What connects to a server, so never to be shown; `undefined` for a file. */
  readonly serverUrl: string | undefined;
  /** A copy that is read in the place of a file that can't be opened where it is. */
  readonly readFrom?: string;
}
