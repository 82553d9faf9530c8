import { describe, expect, it } from 'vitest';
import { toQueryValue } from '../../src/cli/query/server-values.js';
import { Output } from '../../src/cli/shell/output.js';
import { type Column, table } from '../../src/cli/shell/table.js';
import { shortened } from '../../src/cli/shell/terminal-text.js';

/** Work by the square of this would take many minutes, and end at the test's deadline. */
const LONG = 2_000_000;
const NUMERIC = 1700;

const out = new Output({ path: '', serverUrl: undefined, json: false, quiet: true, colour: false });

const COLUMNS: readonly Column<readonly string[]>[] = [
  { title: 'text', cell: ([text = '']) => text, cut: 'end' },
  { title: 'n', cell: ([, number = '']) => number, align: 'right' },
  { title: 'last', cell: ([, , last = '']) => last, cut: 'end' },
];

describe('a table where no terminal cuts it', () => {
  it('lines up its columns, numbers to the right, and ends no line with spaces', () => {
    const rows = [
      ['研究', '5', 'x'],
      ['a', '1,000', ''],
    ];
    expect(table(out, rows, COLUMNS)).toBe('text      n  last\n研究      5  x\na     1,000');
  });

  it.each([
    ['ASCII', 'a'.repeat(LONG)],
    ['spaces', `a${' '.repeat(LONG)}b`],
    ['spaces at the end', `a${' '.repeat(LONG)}`],
    ['other letters', 'é'.repeat(LONG)],
    ['wide characters', '研'.repeat(LONG)],
    ['marks', '\u0301'.repeat(LONG)],
    ['escapes', '\u001b'.repeat(LONG / 10)],
  ])('holds a whole text of two million characters in time: %s', (_, text) => {
    const shown = table(out, [[text, '1', 'end']], COLUMNS);
    expect(shown).toMatch(/ {2}1 {2}end$/);
    expect(shown.length).toBeGreaterThanOrEqual(LONG / 10);
  });

  it('pads no other row to the width of a long text', () => {
    const rows = [['a'.repeat(LONG), '1', ''], ...Array(1000).fill(['b', '2', 'c'])];
    expect(table(out, rows, COLUMNS).length).toBeLessThan(LONG + 1000 * 300);
  });
});

describe('a long text', () => {
  it.each([
    ['end', '研ééééé…'],
    ['middle', '研éé…é究'],
  ] as const)('is cut at its %s in time', (cut, fitted) => {
    expect(shortened(`研${'é'.repeat(LONG)}究`, 8, cut)).toBe(fitted);
  });
});

describe('a decimal of a server', () => {
  it('loses the zeros at its end and nothing else, however many are within', () => {
    const zeros = '0'.repeat(LONG);
    expect(toQueryValue(`1.${zeros}1`, NUMERIC)).toBe(`1.${zeros}1`);
    expect(toQueryValue(`1.5${zeros}`, NUMERIC)).toBe(1.5);
    expect(toQueryValue('100.00', NUMERIC)).toBe(100);
    expect(toQueryValue('-0.50', NUMERIC)).toBe(-0.5);
  });
});
