import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { generateTypes } from '../../src/codegen/index.js';
import { describeOnServer } from './own-server.js';

const COMMITTED = join(import.meta.dirname, '../../generated/db.ts');

describeOnServer('the types of a server', (own) => {
  it('are those of a file, byte for byte', async () => {
    const { url } = await own.open();
    expect(await generateTypes(url)).toBe(readFileSync(COMMITTED, 'utf8'));
  });

  it('differ when its schema does', async () => {
    const { url, db } = await own.open();
    await sql`alter table jobs add column priority bigint, add column mood text
      check (mood in ('good', 'it''s bad'))`.execute(db.kysely);
    const types = await generateTypes(url);
    expect(types).toContain('  priority: number | null;\n');
    expect(types).toContain(`export type JobMood = 'good' | "it's bad";\n`);
  });

  it('are those in which decimals and lists of numbers come', async () => {
    const { url, db } = await own.open();
    await sql`create table things (id bigint primary key, a numeric(15, 2) not null, b numeric not null,
      c numeric(16, 2), d numeric[] not null, e bigint[] not null, f numeric(5, 1)[])`.execute(
      db.kysely,
    );
    const [, columns] = /interface Things \{\n([^}]*)\}/.exec(await generateTypes(url)) ?? [];
    expect(columns?.split('\n').map((line) => line.trim())).toEqual([
      'a: number;',
      'b: number | string;',
      'c: number | string | null;',
      'd: (number | string)[];',
      'e: number[];',
      'f: number[] | null;',
      'id: number;',
      '',
    ]);
  });

  it('are refused where there are no tables', async () => {
    await expect(generateTypes(await own.freshSchema())).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
    });
  });
});
