import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { wholeProgram } from '../../src/cli/command-line.js';
import { type Outcome, pylonDb } from '../cli/command.js';
import { literals, PUBLISHED_TABLES, stored, testFile } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { reported } from './table.js';
import { WRITING_CALLS } from './values-calls.js';
import { Trial, WAYS } from './values-trial.js';

/** SQL that would do harm where text is pasted into a statement, and what a terminal obeys. */
const HOSTILE = [
  "'; drop table jobs; --",
  '"; delete from earnings; --',
  "' or '1'='1",
  "x') returning (select group_concat(preimage) from earnings) --",
  "' union select preimage from earnings --",
  "'; attach database '/tmp/stolen.db' as stolen; --",
  "'||(select load_extension('evil'))||'",
  '; pragma writable_schema = 1; --',
  '`jobs`; [earnings]; :id @id $id ?1 %s {0} $1',
  '*/ drop table jobs /*',
  'null',
  '\x1b]0;owned\x07\x1b[2J\x1b[31m\x9b1A',
  '\x1bP+q544e\x1b\\\u202egpj.exe\u2066\r\nfake: line\t\x08\x7f',
];

/** What the command line gets at every place: SQL, and escapes of terminals. */
const ARGUMENT = `'; drop table jobs; --${HOSTILE.at(-1)}`;

const TEXT_FIELDS = WRITING_CALLS.flatMap((call) =>
  Object.entries(call.fields)
    .filter(([, kind]) => !/integer|^kind$/.test(kind))
    .map(([field]) => ({ call, field })),
);

describe('hostile text', () => {
  it('in every text field of every call is stored as it is, or refused', async () => {
    const trial = await Trial.start();
    let tried = 0;
    for (const { call, field } of TEXT_FIELDS) {
      for (const text of HOSTILE.flatMap((plain) => [plain, JSON.stringify(plain)])) {
        const way = WAYS[tried % WAYS.length] ?? 'alone';
        await trial.run(call, { [field]: text }, way, `${call.name} ${field} = ${text}`);
        tried += 1;
      }
    }
    expect(trial.counts.stored).toBeGreaterThan(tried / 4);
    reported('hostile text in fields', {
      tried: `${tried} texts in ${TEXT_FIELDS.length} fields`,
      figure: `${trial.counts.stored} stored as text, ${trial.counts.refused} refused, 0 run`,
    });
  });

  it('in every question finds what is called so, and nothing else', async () => {
    const { db, path } = await testFile();
    await db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'c' });
    const schema = stored(path, 'select * from sqlite_master');
    for (const text of HOSTILE) {
      expect(await db.jobs.get(text)).toBeUndefined();
      expect(await db.jobs.list({ customer_pubkey: text })).toEqual([]);
      expect(await db.earnings.get(text)).toBeUndefined();
      expect(await db.earnings.forJob(text)).toEqual([]);
      expect(await db.earnings.byPaymentHash(text)).toBeUndefined();
      expect(await db.agents.get(text)).toBeUndefined();
      expect(await db.agents.tickHistory(text)).toEqual([]);
      await expect(db.jobs.listByStatus(text as never)).rejects.toMatchObject({ field: 'status' });
      await expect(
        db.earnings.rollup({ by: 'day', timeZone: text, start: 0, end: 1 }),
      ).rejects.toMatchObject({ field: 'timeZone' });
    }
    expect(stored(path, 'select * from sqlite_master')).toEqual(schema);
    expect(stored(path, 'select id from jobs')).toEqual([{ id: 'a' }]);
  });
});

/** What no terminal may get from stored or given text: all controls but line breaks. */
const UNSAFE = /(?!\u200c|\u200d|\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Every command, with the arguments that it needs. COPY is a backup, NEW a file that isn't there. */
const COMMANDS: readonly (readonly [command: string, ...needed: string[]])[] = [
  ['info'],
  ['jobs'],
  ['earnings'],
  ['agents'],
  ['ticks', 'npub'],
  ['query', 'select 1'],
  ['export', 'jobs'],
  ['copy', '--from', 'COPY', '--to', 'NEW'],
  ['check'],
  ['vacuum'],
  ['backup', 'NEW'],
  ['backup list'],
  ['backup verify', 'COPY'],
  ['restore', 'COPY', '--dry-run'],
  ['migrate status'],
  ['migrate plan'],
  ['migrate verify'],
  ['migrate up'],
  ['migrate down'],
  ['migrate redo'],
  ['migrate create', 'add_x', '--dir', 'NEW'],
];

describe('the command line', () => {
  it('takes hostile text as a value, or refuses it, at every argument and option', async () => {
    const { db, path } = await hostileFile();
    const copy = join(temporaryFolder(), 'copy.db');
    await db.backup(copy);
    await db.close();
    // Where a path leads that is given as a hostile name.
    const folder = temporaryFolder();
    const rows = () => literals(path, ...PUBLISHED_TABLES);
    // A backup of the hostile name is restored from it: the pages are others then.
    const schema = () => stored(path, 'select type, name, sql from sqlite_master order by 1, 2');
    const before = [rows(), schema()];

    const lines: string[][] = [['info', '--db', ARGUMENT]];
    for (const [command, ...needed] of COMMANDS) {
      const words = command.split(' ');
      const given = needed.map((word, i) =>
        word.replace('COPY', copy).replace('NEW', join(folder, `new ${words.join(' ')} ${i}`)),
      );
      const { stdout } = await pylonDb([...words, '--help']);
      const options = [...stdout.matchAll(/^ +(?:-\w, )?(--[a-z-]+) <\S+>/gm)].map(
        ([, option = '']) => option,
      );
      expect(options, command).toContain('--db');
      lines.push([...words, ARGUMENT, '--db', path]);
      for (const option of options.filter((name) => name !== '--db')) {
        lines.push([...words, ...given, '--db', path, option, ARGUMENT]);
      }
    }
    const outcomes = await inPairs(lines, folder);
    for (const [i, { exitCode, stdout, stderr }] of outcomes.entries()) {
      const label = JSON.stringify(lines[i]);
      expect([0, 1, 2, 3, 4], `${label} ${stderr}`).toContain(exitCode);
      // A failure that no code foresees.
      expect(stderr, label).not.toContain('Run it again with --debug');
      // Scripts get a path as it is.
      const shown = `${stdout.replaceAll(join(folder, ARGUMENT), '')}${stderr}`;
      expect(shown, label).not.toMatch(UNSAFE);
      if (exitCode === 1 || exitCode === 2) expect(stderr.trimEnd(), label).not.toContain('\n');
    }
    expect([rows(), schema()]).toEqual(before);
    reported('hostile text on the command line', {
      tried: `${lines.length} command lines of ${COMMANDS.length} commands`,
      figure: '0 run as SQL, 0 escapes reached the terminal, rows and schema unchanged',
    });
  });

  it('is tried with each of its commands', async () => {
    const named = (command: Command, before: string): string[] => {
      const name = `${before}${command.name()}`;
      return [name, ...command.commands.flatMap((sub) => named(sub, `${name} `))];
    };
    const names = (await wholeProgram()).commands.flatMap((command) => named(command, ''));
    const tried = COMMANDS.map(([command]) => command);
    expect(tried.toSorted()).toEqual(names.filter((name) => name !== 'migrate').toSorted());
  });

  it('shows stored escapes as text, and gives them exactly as JSON', async () => {
    const { path } = await hostileFile();
    for (const args of [['jobs'], ['earnings'], ['agents'], ['ticks', HOSTILE.at(-1) ?? '']]) {
      const shown = await pylonDb([...args, '--db', path]);
      expect(shown.exitCode, shown.stderr).toBe(0);
      expect(shown.stdout).not.toMatch(UNSAFE);
      const { stdout } = await pylonDb([...args, '--db', path, '--json']);
      expect(stdout).not.toMatch(UNSAFE);
      expect(JSON.stringify(JSON.parse(stdout))).toContain(JSON.stringify(HOSTILE.at(-1)));
    }
  });
});

/** A file with a row of each table for each hostile text, in every field that holds text. */
async function hostileFile() {
  const file = await testFile();
  for (const text of HOSTILE) {
    const json = JSON.stringify(text);
    await file.db.jobs.create({
      ...{ id: text, kind: 1, customer_pubkey: text, input_hash: text, output_hash: text },
      error_message: text,
    });
    await file.db.earnings.record({
      ...({ id: text, job_id: text, amount_msats: 1, source: 'job', payment_hash: text } as const),
      preimage: text,
    });
    await file.db.agents.upsert({
      ...({ npub: text, name: text, lifecycle_state: 'active' } as const),
      ...{ memory_json: json, goals_json: json },
    });
    await file.db.agents.recordTick(text, { tick_number: 1, actions_json: json });
  }
  return file;
}

/** Two at a time: a process each. */
async function inPairs(lines: readonly (readonly string[])[], folder: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    outcomes.push(
      ...(await Promise.all(lines.slice(i, i + 2).map((args) => pylonDb(args, {}, folder)))),
    );
  }
  return outcomes;
}
