import { PylonDbError } from '../../errors.js';

/** What the list of a folder without migrations looks like. */
export const EMPTY_LIST = `import type { MigrationList } from 'pylon-db';

/** Migrations in their order. Static, so that bundles and every loader find them. */
export const migrations: MigrationList = {
};
`;

/**
 * The source of a folder's list with one more migration at its end; all else stays as it was.
 * Throws `NOT_SUPPORTED` for a source that holds no such list.
 */
export function withEntry(source: string, name: string, path: string): string {
  const entry = `'${name}': () => import('./${name}.js'),`;
  const end = endOfList(source);
  if (end === undefined) {
    throw new PylonDbError(
      'NOT_SUPPORTED',
      `${path} has no \`export const migrations = { … }\``,
      {},
      { hint: 'Write the list so, or give another folder as --dir.' },
    );
  }
  const { before, after } = end;
  const gap = before.endsWith('\n') ? '' : '\n';
  return `${before}${gap}  ${entry}\n${after}`;
}

/** The source split before the list's closing brace, with a comma after its last entry. */
function endOfList(source: string): { before: string; after: string } | undefined {
  const open = /export\s+const\s+migrations\b[^;]*?=(?!>)\s*\{/.exec(source);
  if (open === null) return undefined;
  const start = open.index + open[0].length;
  let depth = 1;
  let lastCode = start;
  let lastMark = '{';
  for (const { 0: token, index } of source.slice(start).matchAll(TOKEN)) {
    if (/^\s|^\/[/*]/.test(token)) continue;
    if (/^[{([]$/.test(token)) depth += 1;
    if (/^[})\]]$/.test(token)) depth -= 1;
    if (depth === 0) return split(source, { lastCode, lastMark, close: start + index });
    lastCode = start + index + token.length;
    lastMark = token;
  }
  return undefined;
}

function split(
  source: string,
  { lastCode, lastMark, close }: { lastCode: number; lastMark: string; close: number },
): { before: string; after: string } {
  const comma = lastMark === '{' || lastMark === ',' ? '' : ',';
  // Blanks before a brace on a line of its own are its indentation.
  const indent = /[ \t]*$/.exec(source.slice(lastCode, close))?.[0].length ?? 0;
  return {
    before: source.slice(0, lastCode) + comma + source.slice(lastCode, close - indent),
    after: source.slice(close - indent).replace(/^ +(?=\})/, ''),
  };
}

// Comments, strings and blanks are one token each, so that no brace in them counts.
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|\s+|./g;
