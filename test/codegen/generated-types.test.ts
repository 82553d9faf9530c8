import { describe, expect, it } from 'vitest';
import { generateTypes } from '../../src/codegen/generate.js';
import { databaseWith } from './project-copy.js';

const typesOf = (sql: string) => generateTypes(databaseWith(sql));

/** The type of one column as the generated interface has it. */
async function columnType(declaration: string, column = 'c'): Promise<string | undefined> {
  const types = await typesOf(`create table things (${declaration})`);
  return new RegExp(`^ {2}${column}: (.*);$`, 'm').exec(types)?.[1];
}

describe('a column with listed values', () => {
  it('of one word is named by its table and itself', async () => {
    const types = await typesOf(
      "create table jobs (status text not null check (status in ('b', 'a')))",
    );
    expect(types).toContain("export type JobStatus = 'b' | 'a';\n");
    expect(types).toContain(
      "export const JOB_STATUSES = ['b', 'a'] as const satisfies readonly JobStatus[];\n",
    );
    expect(types).toContain('export interface Jobs {\n  status: JobStatus;\n}\n');
  });

  it('of several words is named by itself', async () => {
    const types = await typesOf(
      "create table agents (lifecycle_state text check (lifecycle_state in ('a')))",
    );
    expect(types).toContain("export type LifecycleState = 'a';\n");
    expect(types).toContain('export const LIFECYCLE_STATES = [');
    expect(types).toContain('  lifecycle_state: LifecycleState | null;\n');
  });

  it('keeps its type next to a default', async () => {
    const type = await columnType("c text not null default 'a' check (c in ('a', 'b'))");
    expect(type).toBe('Generated<ThingC>');
  });

  it('that ALTER TABLE added is found', async () => {
    const types = await typesOf(`create table jobs (id integer primary key);
      alter table jobs add column status text check (status in ('new', 'old'))`);
    expect(types).toContain("export type JobStatus = 'new' | 'old';");
    expect(types).toContain('  status: JobStatus | null;\n');
  });

  it('is text only: SQLite would store the 1 of an integer column as a number', async () => {
    expect(await columnType("c integer not null check (c in ('1', '2'))")).toBe('number');
  });

  it('stays a string when the CHECK says more than a list', async () => {
    expect(await columnType("c text not null check (c in ('a') or c like 'x-%')")).toBe('string');
  });

  it('breaks long lists over lines', async () => {
    const values = Array.from({ length: 12 }, (_, index) => `'value number ${index}'`);
    const types = await typesOf(`create table jobs (kind text check (kind in (${values.join()})))`);
    expect(types).toContain("export type JobKind =\n  | 'value number 0'\n  | 'value number 1'\n");
    expect(types).toContain("export const JOB_KINDS = [\n  'value number 0',\n");
  });
});

describe('a key', () => {
  it('of text is never null', async () => {
    expect(await columnType('c text primary key')).toBe('string');
  });

  it.each(['INTEGER', 'integer', 'Integer'])('of %s is generated', async (type) => {
    expect(await columnType(`c ${type} primary key`)).toBe('Generated<number>');
  });

  it('of several columns is never null and not generated', async () => {
    expect(await columnType('c integer, d text, primary key (c, d)')).toBe('number');
  });

  it('of a WITHOUT ROWID table is not generated', async () => {
    const types = await typesOf('create table things (c integer primary key) without rowid');
    expect(types).toContain('  c: number;\n');
  });

  it('is not taken for generated because a comment says autoincrement', async () => {
    expect(await columnType('c text /* no autoincrement */ primary key, d integer')).toBe('string');
  });
});

describe('a column', () => {
  it.each([
    ['TEXT', 'string'],
    ['VARCHAR(64)', 'string'],
    ['INTEGER', 'number'],
    ['BIGINT', 'number'],
    ['int', 'number'],
    ['REAL', 'number'],
    ['DOUBLE PRECISION', 'number'],
    ['DECIMAL(10, 2)', 'number'],
    ['NUMERIC(15)', 'number'],
    ['DECIMAL(16, 2)', 'number | string'],
    ['numeric', 'number | string'],
    ['BLOB', 'Buffer'],
    ['DATETIME', 'string'],
    ['', 'unknown'],
  ])('declared %s is %s', async (declared, type) => {
    expect(await columnType(`c ${declared} not null`)).toBe(type);
  });

  it('may be null unless it says otherwise', async () => {
    expect(await columnType('c integer')).toBe('number | null');
  });

  it('that SQLite computes is there and read-only', async () => {
    const types = await typesOf(
      'create table things (a integer not null, c integer not null as (a * 2), d text as (a) stored)',
    );
    expect(types).toContain(
      '  c: GeneratedAlways<number>;\n  d: GeneratedAlways<string | null>;\n',
    );
    expect(types).toContain("import type { GeneratedAlways } from 'kysely';\n");
  });
});

describe('the file', () => {
  it('imports nothing but types from kysely', async () => {
    const types = await typesOf('create table things (c integer primary key)');
    expect(types.match(/^.*\b(import|require)\b.*$/gm)).toEqual([
      "import type { ColumnType } from 'kysely';",
    ]);
  });

  it('says that it is generated, and by what', async () => {
    const types = await typesOf('create table things (c integer)');
    expect(types).toMatch(/^\/\*\*\n \* Generated .*do not edit.*npm run codegen\n \*\/\n/);
  });

  it('is the same whatever order tables and columns were made in', async () => {
    const jobs = (columns: string) => `create table jobs (${columns});`;
    const status = "status text check (status in ('a', 'b'))";
    const tips = 'create table tips (id text);';
    expect(await typesOf(jobs(`id text, ${status}`) + tips)).toBe(
      await typesOf(tips + jobs(`${status}, id text`)),
    );
  });

  it('describes a view, whose columns may all be null', async () => {
    const types = await typesOf(
      "create table jobs (status text not null check (status in ('a'))); create view v as select * from jobs",
    );
    expect(types).toContain('export interface V {\n  status: string | null;\n}\n');
  });
});
