/** What a token of SQL says, with quotes and escapes taken off names and strings. */
export interface SqlWord {
  readonly kind: 'word' | 'name' | 'string' | 'mark';
  readonly text: string;
}

/** One token of SQL and its place. */
export interface SqlToken extends SqlWord {
  /** Where it stands in the SQL, quotes included: `sql.slice(start, end)`. */
  readonly start: number;
  readonly end: number;
}

// SQLite's own rules: five whitespace characters and the byte order mark are blank; every character
// beyond ASCII may be in a name; a block comment may end with the text. Each quoted form is written
// without nested repetition, so that no input makes the expression backtrack for long.
const TOKEN =
  /(?<blank>[ \t\n\f\r\ufeff]+|--[^\n]*|\/\*.*?(?:\*\/|$))|'(?<string>[^']*(?:''[^']*)*)'|"(?<double>[^"]*(?:""[^"]*)*)"|`(?<back>[^`]*(?:``[^`]*)*)`|\[(?<bracket>[^\]]*)\]|(?<word>[\w$\u{80}-\u{10ffff}]+)|(?<mark>.)/gsu;

/** The tokens of `sql` without comments and white space. Never throws: an open quote is a mark. */
export function tokenizeSql(sql: string): SqlToken[] {
  return [...sqlTokens(sql)];
}

/** What {@link tokenizeSql} gives, token by token: who needs the first only reads no more. */
export function* sqlTokens(sql: string): Generator<SqlToken> {
  for (const match of sql.matchAll(TOKEN)) {
    const { string, double, back, bracket, word, mark } = match.groups ?? {};
    const place = { start: match.index, end: match.index + match[0].length };
    if (string !== undefined) {
      yield { kind: 'string', text: string.replaceAll("''", "'"), ...place };
    } else if (double !== undefined) {
      yield { kind: 'name', text: double.replaceAll('""', '"'), ...place };
    } else if (back !== undefined) {
      yield { kind: 'name', text: back.replaceAll('``', '`'), ...place };
    } else if (bracket !== undefined) {
      yield { kind: 'name', text: bracket, ...place };
    } else if (word !== undefined) {
      yield { kind: 'word', text: word, ...place };
    } else if (mark !== undefined) {
      yield { kind: 'mark', text: mark, ...place };
    }
  }
}

/** Whether `token` is the keyword `word` (given in lower case), unquoted, in any case. */
export function isWord(token: SqlWord | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toLowerCase() === word;
}

/** Whether `token` is the punctuation `mark`. */
export function isMark(token: SqlWord | undefined, mark: string): boolean {
  return token?.kind === 'mark' && token.text === mark;
}

/** The index of the `)` that closes the `(` at `open`; the tokens' length if none does. */
export function closingIndex(tokens: readonly SqlWord[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    if (isMark(tokens[index], '(')) depth++;
    if (isMark(tokens[index], ')') && --depth === 0) return index;
  }
  return tokens.length;
}

/**
 * The columns and constraints between the parentheses of a CREATE TABLE, each as its tokens; none
 * for any other statement (a virtual table's arguments are not columns).
 */
export function tableDefinitions(tokens: readonly SqlToken[]): SqlToken[][] {
  const open = tokens.findIndex((token) => isMark(token, '('));
  if (!isWord(tokens[0], 'create') || !isWord(tokens[1], 'table') || open === -1) return [];
  const definitions: SqlToken[][] = [];
  let current: SqlToken[] = [];
  const end = closingIndex(tokens, open);
  for (let index = open + 1; index < end; index++) {
    const token = tokens[index];
    if (token === undefined) break;
    if (isMark(token, ',')) {
      definitions.push(current);
      current = [];
      continue;
    }
    const close = isMark(token, '(') ? closingIndex(tokens, index) : index;
    current.push(...tokens.slice(index, close + 1));
    index = close;
  }
  definitions.push(current);
  return definitions.filter((definition) => definition.length > 0);
}

/** Equal for the same SQL, however it is quoted and laid out. */
export function normalSql(tokens: readonly SqlToken[]): string {
  return tokens
    .map(({ kind, text }) =>
      kind === 'string' ? `'${text.replaceAll("'", "''")}'` : text.toLowerCase(),
    )
    .join(' ')
    .replace(/ (?=[(),])|(?<=\() /g, '');
}
