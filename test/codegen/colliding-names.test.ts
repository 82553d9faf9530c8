import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { generateTypes } from '../../src/codegen/generate.js';
import { databaseWith, folderWithPackages } from './project-copy.js';

const typesOf = (sql: string) => generateTypes(databaseWith(sql));

const listed = (column: string, ...values: string[]) =>
  `${column} text not null check (${column} in (${values.map((value) => `'${value}'`).join()}))`;

/** What the compiler finds wrong with the source, in strict mode. */
function compile(source: string): string[] {
  const file = join(folderWithPackages(), 'db.ts');
  writeFileSync(file, source);
  const program = ts.createProgram([file], {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    typeRoots: [join(file, '..', 'node_modules', '@types')],
  });
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe('names that collide', () => {
  it('share a type when their values are the same', async () => {
    const state = listed('life_state', 'a', 'b');
    const types = await typesOf(`create table agents (${state}); create table bots (${state})`);
    expect(types.match(/export type LifeState/g)).toHaveLength(1);
    expect(types.match(/ {2}life_state: LifeState;/g)).toHaveLength(2);
  });

  it('take their table along when their values differ', async () => {
    const types = await typesOf(
      `create table agents (${listed('life_state', 'a')}); create table bots (${listed('life_state', 'b')})`,
    );
    expect(types).toContain("export type AgentLifeState = 'a';");
    expect(types).toContain("export type BotLifeState = 'b';");
  });

  it('get a number when the table does not tell them apart', async () => {
    const types = await typesOf(
      `create table job (${listed('status', 'a')}); create table jobs (${listed('status', 'b')})`,
    );
    expect(types).toContain("export type JobStatus = 'a';");
    expect(types).toContain("export type JobStatus2 = 'b';");
    expect(types).toContain("export const JOB_STATUSES2 = ['b']");
  });

  it('give way to the interface of a table', async () => {
    const types = await typesOf(
      `create table job_status (id text); create table jobs (${listed('status', 'a')})`,
    );
    expect(types).toContain('export interface JobStatus {');
    expect(types).toContain("export type JobStatus2 = 'a';");
    expect(types).toContain('  status: JobStatus2;');
  });

  it('compile, with every odd name at once', async () => {
    const types = await typesOf(`
        create table job (${listed('status', 'a')});
        create table jobs (${listed('status', 'b')}, id integer primary key);
        create table job_status (id text default 'x', ${listed('life_state', 'a')});
        create table things (
          ${listed('generated_always', 'a')}, ${listed('column_type', 'a')}, ${listed('life_state', 'b')},
          ${listed('array_type', 'a')}, ${listed('"odd name; drop"', 'a')}, ${listed('"1st"', 'a')},
          ${listed('"!"', 'a')}, ${listed('"zustand_größe"', 'a')},
          quotes text check (quotes in ('it''s', '"', '\\', 'line
break', '\${x}', '*/')),
          twice integer as (1), blob_value blob
        );`);
    expect(compile(types)).toEqual([]);
    expect(compile(`${types}\nJOB_STATUSES satisfies readonly ['b'];`)).not.toEqual([]);
  });
});
