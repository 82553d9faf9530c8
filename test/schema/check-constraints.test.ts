import { describe, expect, it } from 'vitest';
import { enumeratedColumns } from '../../src/schema/check-constraints.js';

const read = (body: string) => Object.fromEntries(enumeratedColumns(`CREATE TABLE t (${body})`));

describe('reads the allowed values of a column', () => {
  it.each([
    ['as SPEC.md writes it', "s TEXT NOT NULL CHECK(s IN ('a', 'b'))"],
    ['as Kysely writes it', `"s" text not null check (s in ('a', 'b'))`],
    ['in any case', "s Text cHeCk (S In ('a', 'b'))"],
    ['quoted by double quotes', `"s" text check ("s" in ('a', 'b'))`],
    ['quoted by backticks', "`s` text check (`s` in ('a', 'b'))"],
    ['quoted by brackets', "[s] text check ([s] in ('a', 'b'))"],
    ['with its table', "s text check (t.s in ('a', 'b'))"],
    ['without any space', `"s"text CHECK("s"IN('a','b'))`],
    ['over several lines', "s text\n  check\t(\n s in (\n 'a' ,\r\n 'b' ) )"],
    ['in more parentheses', "s text check (((s in ('a', 'b'))))"],
    ['of the table', "s text, n integer, check (s in ('a', 'b'))"],
    ['of the table with a name', "s text, constraint known check (s in ('a', 'b'))"],
    ['written at another column', "n integer check (s in ('a', 'b')), s text"],
    ['after a default with parentheses', "s text default (lower('A')) check (s in ('a', 'b'))"],
    ['between comments', "s text -- check (s in ('x'))\n check /* ( */ (s in ('a', /* ' */ 'b'))"],
    ['once each', "s text check (s in ('a', 'b', 'a'))"],
    ['with the collation by bytes', "s text collate binary check (s in ('a', 'b'))"],
    ['next to a CHECK of another form', "s text check (s in ('a', 'b')) check (length(s) > 0)"],
    ['that all CHECKs allow', "s text check (s in ('x', 'a', 'b')) check (s in ('b', 'a'))"],
  ])('%s', (_, body) => {
    expect(read(body)).toEqual({ s: ['a', 'b'] });
  });

  it('in the order of the CHECK', () => {
    expect(read("s text check (s in ('c', 'a', 'b'))")).toEqual({ s: ['c', 'a', 'b'] });
  });

  it('with quotes, commas and parentheses inside', () => {
    expect(read(`s text check (s in ('it''s', 'a,b', '(', '--', '"', ''))`)).toEqual({
      s: ["it's", 'a,b', '(', '--', '"', ''],
    });
  });

  it('of a name with spaces and parentheses', () => {
    expect(read(`"odd ""( name" text check ("odd ""( name" in ('a'))`)).toEqual({
      'odd "( name': ['a'],
    });
  });

  it('of two columns', () => {
    expect(read("a text check (a in ('x')), b text check (b in ('y', 'z'))")).toEqual({
      a: ['x'],
      b: ['y', 'z'],
    });
  });
});

describe('leaves a column alone', () => {
  it.each([
    ['without a CHECK', 's text'],
    ['with NOT IN', "s text check (s not in ('a', 'b'))"],
    ['with another condition', "s text check (s in ('a', 'b') and length(s) > 0)"],
    ['with an alternative', "s text check (s in ('a', 'b') or s like 'x-%')"],
    ['with another comparison', "s text check (s <> 'a')"],
    ['with a comparison of more', "s text check (s = 'a' or t)"],
    ['with numbers', 's integer check (s in (1, 2))'],
    ['with a number among texts', "s text check (s in ('a', 1))"],
    ['with a blob', "s text check (s in (x'61'))"],
    ['with NULL among the values', "s text check (s in ('a', null))"],
    ['with joined texts', "s text check (s in ('a' || 'b'))"],
    ['with no values', 's text check (s in ())'],
    ['with a function of it', "s text check (lower(s) in ('a', 'b'))"],
    ['with a collation in the CHECK', "s text check (s collate nocase in ('a', 'b'))"],
    ['with a collation that ignores case', "s text collate nocase check (s in ('a', 'b'))"],
    ['with CHECKs that allow nothing', "s text check (s in ('a')) check (s in ('b'))"],
    ['with a CHECK in a comment', "s text /* check (s in ('a')) */"],
    ['with a CHECK in a default', "s text default 'check (s in (''a''))'"],
  ])('%s', (_, body) => {
    expect(read(body)).toEqual({});
  });

  it('in a statement other than CREATE TABLE', () => {
    const sql = "CREATE VIRTUAL TABLE t USING fts5(s, check (s in ('a')))";
    expect(enumeratedColumns(sql).size).toBe(0);
  });

  it.each([
    '',
    'CREATE TABLE t',
    'CREATE TABLE t (',
    "CREATE TABLE t (s text check (s in ('a'",
    "CREATE TABLE t (s text check (s in ('a",
    `CREATE TABLE t ("s`,
    'CREATE TABLE t (s /*',
  ])('in broken SQL: %s', (sql) => {
    expect(() => enumeratedColumns(sql)).not.toThrow();
  });

  it('in long broken SQL without taking long', () => {
    const started = process.cpuUsage();
    enumeratedColumns(`CREATE TABLE t (s text check (s in ('${"a''".repeat(100_000)}`);
    // Microseconds of work, whoever else works: linear takes about 100,000, exponential never ends.
    expect(process.cpuUsage(started).user).toBeLessThan(5_000_000);
  });
});
