/** A Markdown table. Cells are Markdown already. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(titles), `|${'---|'.repeat(titles.length)}`, ...rows.map(line)].join('\n');
}

/** A fenced block. */
export function fenced(language: string, lines: readonly string[]): string {
  return ['```'.concat(language), ...lines, '```'].join('\n');
}

/** Text as code. */
export function code(text: string): string {
  return `\`${text}\``;
}

/** Options, variables, names of columns, paths, and what stands in quotation marks. */
const CODE = /--[a-z][a-z-]*|\$?\b[A-Za-z]+(?:_[A-Za-z]+)+\b|~\/[\w./-]*\w|"[\w ]+"/g;

/** Plain text of `--help` as Markdown: what is meant literally becomes code, the rest is escaped. */
export function prose(text: string): string {
  // What stands between backticks is code already.
  const parts = text.split(/(`[^`]*`)/);
  return parts.map((part, index) => (index % 2 === 1 ? part : marked(part))).join('');
}

/** A summary as a sentence: with a capital and a full stop. */
export function sentence(text: string): string {
  const marked = prose(`${text.charAt(0).toUpperCase()}${text.slice(1)}`);
  return /[.!?]$/.test(marked) ? marked : `${marked}.`;
}

function marked(text: string): string {
  let result = '';
  let end = 0;
  for (const { 0: literal, index } of text.matchAll(CODE)) {
    result += escaped(text.slice(end, index)) + code(literal.replaceAll('"', ''));
    end = index + literal.length;
  }
  return result + escaped(text.slice(end));
}

function escaped(text: string): string {
  return text.replaceAll(/[\\*_<[\]]/g, '\\$&');
}
