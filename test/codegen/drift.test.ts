import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codegen, edit, projectCopy } from './project-copy.js';

describe('codegen:check of our own migrations', () => {
  it('passes after npm run codegen and writes nothing', async () => {
    const project = projectCopy();
    expect(await codegen(project)).toMatchObject({ exitCode: 0, stderr: '' });
    rmSync(join(project, 'generated'), { recursive: true });
    expect((await codegen(project, '--check')).exitCode).toBe(3);
    expect(existsSync(join(project, 'generated'))).toBe(false);
    expect((await codegen(project)).exitCode).toBe(0);
    expect(await codegen(project, '--check')).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it.each([
    [
      'a changed CHECK',
      "'failed', 'cancelled')",
      "'failed', 'lost')",
      "^\\+export type JobStatus = .*'lost';$",
    ],
    [
      'a new column',
      "'input_hash', 'text')",
      "'input_hash', 'text').addColumn('colour', 'text')",
      '^\\+ {2}colour: string \\| null;$',
    ],
    [
      'a removed column',
      "    .addColumn('input_hash', 'text')\n",
      '',
      '^- {2}input_hash: string \\| null;$',
    ],
    [
      'a changed type',
      "'input_hash', 'text'",
      "'input_hash', 'integer'",
      '^\\+ {2}input_hash: number \\| null;$',
    ],
  ])('fails after %s in a migration, with a diff', async (_, from, to, line) => {
    const project = projectCopy();
    edit(join(project, 'migrations/001_initial_schema.ts'), from, to);
    const { exitCode, stderr } = await codegen(project, '--check');
    expect(stderr).toMatch(new RegExp(line, 'm'));
    expect(stderr).toContain('generated/db.ts: differs from the schema');
    expect(stderr).toContain('generated/schema.sql: differs from the schema');
    expect(stderr).toContain('npm run codegen');
    expect(exitCode).toBe(3);
  });

  it.each([
    ['db.ts', '  kind: number;\n', '  kind: string;\n', '-  kind: string;\n+  kind: number;\n'],
    [
      'schema.sql',
      '"kind" integer',
      '"kind" text',
      '-  "kind" text not null,\n+  "kind" integer not null,\n',
    ],
  ])('fails after an edit of generated/%s, with a diff', async (name, from, to, diff) => {
    const project = projectCopy();
    const file = join(project, 'generated', name);
    edit(file, from, to);
    const edited = readFileSync(file, 'utf8');
    const { exitCode, stderr } = await codegen(project, '--check');
    expect(stderr).toContain(diff);
    expect(exitCode).toBe(3);
    expect(readFileSync(file, 'utf8')).toBe(edited);
  });

  it('fails after a change of white space alone', async () => {
    const project = projectCopy();
    await codegen(project);
    appendFileSync(join(project, 'generated/db.ts'), '\n');
    const { exitCode, stderr } = await codegen(project, '--check');
    expect(stderr).toContain('white space');
    expect(exitCode).toBe(3);
  });

  it('reports the statement of a failing migration in one line', async () => {
    const project = projectCopy();
    edit(
      join(project, 'migrations/001_initial_schema.ts'),
      "createTable('jobs')",
      "createTable('migrations')",
    );
    const { exitCode, stderr } = await codegen(project);
    expect(stderr).toMatch(/^.*migrations.*already exists.*\n$/);
    expect(exitCode).toBe(1);
  });
});
