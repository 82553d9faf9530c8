import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cells, shortened, visible, visibleJson } from '../../src/cli/shell/terminal-text.js';

const UNSAFE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const anyText = fc.string({ unit: 'binary' });

describe('text that others stored', () => {
  it('holds nothing that a terminal obeys once it is visible', () => {
    fc.assert(fc.property(anyText, (text) => !UNSAFE.test(visible(text))));
  });

  it('is the same value after its JSON was made visible', () => {
    fc.assert(
      fc.property(fc.array(anyText), (texts) => {
        const shown = visibleJson(JSON.stringify(texts, null, 2));
        expect(JSON.parse(shown)).toEqual(texts);
        expect(shown.replaceAll('\n', '')).not.toMatch(UNSAFE);
      }),
    );
  });

  it.each([
    ['two cells a wide character', '研究エージェント', 16],
    ['two cells an emoji, however it is put together', '👩‍🚀🇩🇪❤️', 6],
    ['no cell for a mark on a letter', 'A\u0308g', 2],
  ])('takes %s', (_, text, width) => {
    expect(cells(text)).toBe(width);
  });

  it.each([
    ['its middle', '0123456789abcdef', 'middle', '0123…def'],
    ['its end', '0123456789abcdef', 'end', '0123456…'],
    ['half a wide character with it', '研究エージェント', 'end', '研究エ…'],
    ['nothing when it fits', '01234567', 'middle', '01234567'],
  ] as const)('loses %s to fit eight cells', (_, text, cut, fitted) => {
    expect(shortened(text, 8, cut)).toBe(fitted);
  });

  it('never takes more cells than it is given', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 3, max: 20 }),
        fc.constantFrom('end', 'middle'),
        (text, most, cut) => cells(shortened(text, most, cut)) <= most,
      ),
    );
  });
});
