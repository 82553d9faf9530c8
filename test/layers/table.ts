import { LAYERS } from './allow-list.js';

const BEGIN = '<!-- From test/layers/allow-list.ts: npm run docs -->\n';
const END = '<!-- End of the layers -->';

/** The page with the table of layers as the allow-list has them. Throws where it has no place for it. */
export function withTable(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`The page lacks ${BEGIN}and ${END}`);
  return page.slice(0, begin + BEGIN.length) + table() + page.slice(end);
}

function table(): string {
  const rows = LAYERS.map(({ name, files, imports, types, packages, packageTypes }) => [
    name,
    files.map(code).join(', '),
    [...imports, ...(types ?? []).map(typesOf)].join(', '),
    [...(packages ?? []).map(code), ...(packageTypes ?? []).map(code).map(typesOf)].join(', '),
  ]);
  return [['layer', 'files', 'may import', 'packages'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.map((cell) => cell || '–').join(' | ')} |\n`)
    .join('');
}

const code = (text: string) => `\`${text}\``;
const typesOf = (name: string) => `${name} (types)`;
