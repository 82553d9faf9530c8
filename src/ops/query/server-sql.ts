/** A piece of SQL as PostgreSQL's scanner cuts it, so far as a question needs to know. */
interface Piece {
  readonly kind: 'blank' | 'text' | 'name' | 'word' | 'parameter' | 'nameless' | 'end' | 'mark';
  readonly sql: string;
}

/** What is known of a question before the server has seen it. */
export interface ReadSql {
  /** With `$1`, `$2` … for its parameters. */
  readonly sql: string;
  /** The names of `$1`, `$2` … in this order. */
  readonly parameters: readonly string[];
  /** Words and names in lower case, those in quotes without them: what isn't text or a comment. */
  readonly words: readonly string[];
  /** The word that it begins with, in upper case; `''` where it begins otherwise. */
  readonly keyword: string;
  /** A parameter that the SQL itself counts: `$1`. */
  readonly nameless: string | undefined;
  /** Whether something stands behind a semicolon. */
  readonly isSeveral: boolean;
}

// PostgreSQL's own rules: E'…' knows backslashes, $tag$…$tag$ knows nothing, comments nest, every
// character beyond ASCII may be in a name. Quotes are written without nested repetition, so that no
// input makes the expression backtrack for long. What is left open becomes marks.
const PIECE =
  /(?<blank>\s+|--[^\n\r]*)|(?<comment>\/\*)|(?<text>[eE]'[^'\\]*(?:(?:''|\\.)[^'\\]*)*'|(?:[bBxXnN]|[uU]&)?'[^']*(?:''[^']*)*')|(?<name>(?:[uU]&)?"[^"]*(?:""[^"]*)*")|(?<dollar>\$(?:[a-zA-Z_\u{80}-\u{10ffff}][\w\u{80}-\u{10ffff}]*)?\$)|(?<cast>::|:=)|:(?<parameter>[a-zA-Z_]\w*)|(?<nameless>\$\d+)|(?<word>[a-zA-Z_\u{80}-\u{10ffff}][\w$\u{80}-\u{10ffff}]*)|(?<end>;)|(?<mark>.)/suy;

const COMMENT_EDGE = /\/\*|\*\//g;

/** Reads SQL for PostgreSQL: writes `:name` as `$n`, outside of text, quoted names and comments. */
export function readServerSql(source: string): ReadSql {
  const parameters: string[] = [];
  const words: string[] = [];
  let sql = '';
  let nameless: string | undefined;
  let keyword: string | undefined;
  let hasEnded = false;
  let isSeveral = false;
  for (const piece of piecesOf(source)) {
    if (piece.kind !== 'blank') keyword ??= piece.kind === 'word' ? piece.sql.toUpperCase() : '';
    if (piece.kind === 'end') hasEnded = true;
    else if (piece.kind !== 'blank' && hasEnded) isSeveral = true;
    if (piece.kind === 'parameter') {
      if (!parameters.includes(piece.sql)) parameters.push(piece.sql);
      sql += `$${parameters.indexOf(piece.sql) + 1}`;
      continue;
    }
    if (piece.kind === 'word') words.push(piece.sql.toLowerCase());
    if (piece.kind === 'name') words.push(piece.sql.toLowerCase().replace(/^"|"$/g, ''));
    if (piece.kind === 'nameless') nameless ??= piece.sql;
    sql += piece.sql;
  }
  return { sql, parameters, words, keyword: keyword ?? '', nameless, isSeveral };
}

function* piecesOf(source: string): Generator<Piece> {
  let at = 0;
  while (at < source.length) {
    PIECE.lastIndex = at;
    const match = PIECE.exec(source);
    const { comment, dollar, cast, ...kinds } = match?.groups ?? {};
    const start = at;
    at += match?.[0].length ?? 1;
    if (comment !== undefined) at = endOfComment(source, start);
    if (dollar !== undefined) at = endOfDollarQuote(source, start, dollar);
    const sql = source.slice(start, at);
    if (comment !== undefined) yield { kind: 'blank', sql };
    else if (dollar !== undefined) yield { kind: 'text', sql };
    else if (cast !== undefined) yield { kind: 'mark', sql };
    else if (kinds['parameter'] !== undefined) yield { kind: 'parameter', sql: kinds['parameter'] };
    else yield { kind: kindOf(kinds), sql };
  }
}

function kindOf(groups: Readonly<Record<string, string | undefined>>): Piece['kind'] {
  for (const kind of ['blank', 'text', 'name', 'nameless', 'word', 'end'] as const) {
    if (groups[kind] !== undefined) return kind;
  }
  return 'mark';
}

/** Comments may hold comments; one that is left open ends with the text. */
function endOfComment(source: string, start: number): number {
  let depth = 0;
  COMMENT_EDGE.lastIndex = start;
  for (;;) {
    const edge = COMMENT_EDGE.exec(source);
    if (edge === null) return source.length;
    depth += edge[0] === '/*' ? 1 : -1;
    if (depth === 0) return COMMENT_EDGE.lastIndex;
  }
}

function endOfDollarQuote(source: string, start: number, tag: string): number {
  const end = source.indexOf(tag, start + tag.length);
  return end === -1 ? source.length : end + tag.length;
}
