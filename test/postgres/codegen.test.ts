import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { generateTypes } from '../../src/codegen/index.js';
import { PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { temporaryFolder } from '../temporary.js';
import { connected, describeOnServer, socketsOfThisProcess } from './own-server.js';

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

  it('have a union for each CHECK that lists texts, as those of a file have', async () => {
    const columns = `a text check (a in ('x', 'it''s', 'back\\slash')),
      b varchar(20) not null check (b in ('y, ''z''', 'w', 'w')),
      c varchar check (c in ('only')),
      d text not null check (d = 'one'),
      "odd, ""name" varchar(5) check ("odd, ""name" in ('q', 'r')),
      e text check (e in ('s', 't', 'u')) check (e in ('u', 't', 'v')),
      f text check (f in ('s')) check (f in ('t')),
      g text check (g in ('s') or g is null),
      h integer check (h in (1, 2))`;
    const { url, db } = await own.open();
    await sql.raw(`create table things (id text primary key, ${columns})`).execute(db.kysely);
    const path = join(temporaryFolder(), 'pylon.db');
    const file = await PylonDb.open(path);
    await sql.raw(`create table things (id text primary key, ${columns})`).execute(file.kysely);
    await file.close();
    const types = await generateTypes(url);
    expect(types).toBe(await generateTypes(path));
    expect(types.split('\n').filter((line) => /^export type (?:Thing|Odd)/.test(line))).toEqual([
      "export type ThingA = 'x' | \"it's\" | 'back\\\\slash';",
      `export type ThingB = "y, 'z'" | 'w';`,
      "export type ThingC = 'only';",
      "export type ThingD = 'one';",
      "export type ThingE = 't' | 'u';",
      "export type OddName = 'q' | 'r';",
    ]);
  });

  it('are strings where blanks or case are passed over', async () => {
    const { url, db } = await own.open();
    await sql`create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`.execute(
      db.kysely,
    );
    await sql`create table things (id text primary key, a char(3) check (a in ('x', 'y')),
      b text collate nocase check (b in ('x', 'y')))`.execute(db.kysely);
    const [, columns] = /interface Things \{\n([^}]*)\}/.exec(await generateTypes(url)) ?? [];
    expect(columns).toContain('  a: string | null;\n  b: string | null;\n');
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

  it('leave no connection open', async () => {
    const { url } = await own.open();
    const before = socketsOfThisProcess();
    await generateTypes(url);
    expect(socketsOfThisProcess()).toBe(before);
  });

  it('are refused when the server ends its connections, and the process goes on', async () => {
    const { url, outside } = await own.open();
    const holder = await connected(url);
    await holder.query('begin; lock table pg_enum in access exclusive mode');
    const failures: unknown[] = [];
    const note = (error: unknown) => void failures.push(error);
    process.on('uncaughtExceptionMonitor', note);
    onTestFinished(() => void process.off('uncaughtExceptionMonitor', note));
    const refused = failureOf(generateTypes(`${url}&application_name=codegen`), 'CANNOT_OPEN');
    const theirs = "from pg_stat_activity where application_name = 'codegen'";
    const readsAndRests = `select 1 ${theirs} having count(*) filter (where wait_event_type = 'Lock') > 0
      and count(*) filter (where state = 'idle') > 0`;
    while ((await outside.query(readsAndRests)).rowCount === 0) await sleep(5);
    await outside.query(`select pg_terminate_backend(pid) ${theirs}`);
    expect((await refused).message).toContain("can't be read");
    expect(failures).toEqual([]);
  });
});
