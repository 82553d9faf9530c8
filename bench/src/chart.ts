import { handWritten, pylonDb } from './contestants/index.js';
import type { Results } from './report.js';

const WIDTH = 860;
const LEFT = 170;
const RIGHT = 60;
const TOP = 92;
const BAR = 8;
const GAP = 12;
const FONT = 'font-family="system-ui, sans-serif"';

// Readable on white and on black alike.
const OURS = '#e8590c';
const COLORS = [OURS, '#8a8f98', '#3b82c4', '#7cc49a', '#3f8f5f', '#a06cc8', '#b09a3c'];

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&#39;');

/**
 * Horizontal bars from hand-written's time: to the left what is faster, to the right what is
 * slower, on a logarithmic scale; one group an operation, one bar a contestant.
 */
export function chart(results: Results, rows: number): string {
  const groups = results.operations.filter((operation) => operation.rows === rows);
  const names = (groups[0]?.figures ?? [])
    .map(({ contestant }) => contestant)
    .filter((name) => name !== handWritten.name);
  const ratios = groups.flatMap(({ figures }) => figures.map(({ ratio }) => ratio));
  const low = Math.floor(Math.log10(Math.min(...ratios, 0.9)) * 2) / 2;
  const high = Math.ceil(Math.log10(Math.max(...ratios, 10)));
  const x = (ratio: number) =>
    LEFT + ((Math.log10(ratio) - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const groupHeight = names.length * BAR + GAP;
  const height = TOP + groups.length * groupHeight + 30;

  const body = groups.map(({ title, figures }, group) => {
    const top = TOP + group * groupHeight;
    const middle = top + (names.length * BAR) / 2 + 4;
    const label = `<text x="${LEFT - 10}" y="${middle}" text-anchor="end" class="t">${escaped(title)}</text>`;
    const bars = names.map((name, i) => {
      const ratio = figures.find(({ contestant }) => contestant === name)?.ratio;
      if (ratio === undefined) return '';
      return bar(name, ratio, {
        from: x(1),
        to: x(ratio),
        y: top + i * BAR,
        color: colorOf(i),
      });
    });
    return [label, ...bars].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ${FONT} font-size="12" role="img" aria-label="Time of each operation as a multiple of hand-written better-sqlite3">
<style>.t{fill:#24292f}.m{fill:#57606a}.g{stroke:#8c959f55}.one{stroke:#57606a}@media(prefers-color-scheme:dark){.t{fill:#e6edf3}.m{fill:#9da7b3}.one{stroke:#9da7b3}}</style>
<text x="10" y="20" class="t" font-size="15" font-weight="600">Time as a multiple of hand-written better-sqlite3, ${rows.toLocaleString('en')} rows</text>
<text x="10" y="38" class="m">Left of 1: faster. CPU time, median of interleaved rounds, logarithmic scale.</text>
${legend(names)}
${axis(low, high, x, height)}
${body.join('\n')}
</svg>
`;
}

function colorOf(index: number): string {
  return COLORS[index] ?? '#888888';
}

interface BarPlace {
  readonly from: number;
  readonly to: number;
  readonly y: number;
  readonly color: string;
}

function bar(name: string, ratio: number, { from, to, y, color }: BarPlace): string {
  const [left, right] = [Math.min(from, to), Math.max(from, to)];
  const width = Math.max(right - left, 1).toFixed(1);
  const text = ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(2);
  const rect = `<rect x="${left.toFixed(1)}" y="${y}" width="${width}" height="${BAR - 1.5}" fill="${color}"><title>${escaped(name)}: ${text}</title></rect>`;
  if (name !== pylonDb.name) return rect;
  const isLeft = to < from;
  const at = isLeft ? left - 4 : right + 4;
  return `${rect}<text x="${at.toFixed(1)}" y="${y + BAR - 1}" text-anchor="${isLeft ? 'end' : 'start'}" class="t" font-size="10" font-weight="600">${text}</text>`;
}

function legend(names: readonly string[]): string {
  let at = 10;
  const parts = names.map((name, i) => {
    const part = `<rect x="${at}" y="50" width="10" height="10" fill="${colorOf(i)}"/><text x="${at + 14}" y="59" class="m" font-size="11">${escaped(name)}</text>`;
    at += 30 + name.length * 6;
    return part;
  });
  return parts.join('\n');
}

function axis(low: number, high: number, x: (ratio: number) => number, height: number): string {
  const lines: string[] = [];
  for (let power = Math.ceil(low); power <= high; power++) {
    const at = x(10 ** power).toFixed(1);
    lines.push(
      `<line x1="${at}" y1="${TOP - 8}" x2="${at}" y2="${height - 24}" class="${power === 0 ? 'one' : 'g'}"/>`,
      `<text x="${at}" y="${TOP - 12}" text-anchor="middle" class="m" font-size="11">${(10 ** power).toLocaleString('en')}</text>`,
    );
  }
  return lines.join('\n');
}
