import type { SqlWord } from '../../schema/sql-tokens.js';

/** A piece of SQL as PostgreSQL's scanner cuts it. */
export interface Piece {
  readonly kind: 'blank' | 'text' | 'name' | 'word' | 'parameter' | 'nameless' | 'end' | 'mark';
  readonly sql: string;
}

// PostgreSQL's own rules: E'…' knows backslashes, $tag$…$tag$ knows nothing, comments nest, every
// character beyond ASCII may be in a name. Quotes are written without nested repetition, so that no
// input makes the expression backtrack for long. What is left open becomes marks.
const PIECE =
  /(?<blank>\s+|--[^\n\r]*)|(?<comment>\/\*)|(?<text>[eE]'[^'\\]*(?:(?:''|\\.)[^'\\]*)*'|(?:[bBxXnN]|[uU]&)?'[^']*(?:''[^']*)*')|(?<name>(?:[uU]&)?"[^"]*(?:""[^"]*)*")|(?<dollar>\$(?:[a-zA-Z_\u{80}-\u{10ffff}][\w\u{80}-\u{10ffff}]*)?\$)|(?<cast>::|:=)|:(?<parameter>[a-zA-Z_]\w*)|(?<nameless>\$\d+)|(?<word>[a-zA-Z_\u{80}-\u{10ffff}][\w$\u{80}-\u{10ffff}]*)|(?<end>;)|(?<mark>.)/suy;

const COMMENT_EDGE = /\/\*|\*\//g;

/** The pieces of `source`, which put together are `source` again but for the colons of parameters. */
export function* piecesOf(source: string): Generator<Piece> {
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

/** The tokens of `sql` as PostgreSQL reads it, without comments and white space. */
export function* serverTokens(sql: string): Generator<SqlWord> {
  for (const piece of piecesOf(sql)) {
    const kind = TOKEN_KINDS[piece.kind];
    if (kind === undefined) continue;
    const text = kind === 'name' ? withoutQuotes(piece.sql) : piece.sql;
    yield { kind, text };
  }
}

function withoutQuotes(name: string): string {
  return name.slice(name.indexOf('"') + 1, -1).replaceAll('""', '"');
}

// A parameter here is the bound of an array's slice: `a[1:n]`.
const TOKEN_KINDS: Readonly<Record<Piece['kind'], SqlWord['kind'] | undefined>> = {
  blank: undefined,
  text: 'string',
  name: 'name',
  word: 'word',
  parameter: 'word',
  nameless: 'mark',
  end: 'mark',
  mark: 'mark',
};
