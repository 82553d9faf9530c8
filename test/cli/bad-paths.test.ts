import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../temporary.js';
import { migratedFile } from './checked.js';
import { CLI, pylonDb } from './command.js';

/** Paths that can't be used, by what is wrong with them. */
const BAD: Readonly<Record<string, (folder: string) => string>> = {
  'behind a file': (folder) => {
    writeFileSync(join(folder, 'a-file'), '');
    return join(folder, 'a-file/bad.json');
  },
  'a link to itself': (folder) => {
    symlinkSync(join(folder, 'bad.json'), join(folder, 'bad.json'));
    return join(folder, 'bad.json');
  },
  'a name that is too long': (folder) => join(folder, `${'x'.repeat(300)}bad.json`),
  'a folder': (folder) => {
    mkdirSync(join(folder, 'bad.json'));
    return join(folder, 'bad.json');
  },
};

/** Commands that take a path, `BAD`; `DB` is a sound database. */
const COMMANDS = [
  'info --db BAD',
  'jobs --db BAD',
  'query x --db BAD',
  'check --db BAD',
  'vacuum --db BAD',
  'backup --db BAD',
  'restore BAD --db DB',
  'backup verify BAD',
  'export jobs --db DB --out BAD',
  'export jobs --db BAD',
  'copy --from BAD --to DB',
  'copy --from DB --to BAD',
  'migrate up --db BAD',
  'migrate status --db BAD',
  'migrate plan --db BAD',
  'migrate verify --db BAD',
  'migrate status --db DB --migrations BAD',
];

/** Commands to which a folder is as good as a file. */
const TAKE_FILES = ['backup list BAD', 'backup BAD --db DB', 'migrate create x --dir BAD'];

it.each(
  Object.keys(BAD).flatMap((kind) =>
    [...COMMANDS, ...(kind === 'a folder' ? [] : TAKE_FILES)].map((command) => [command, kind]),
  ),
)('%s: %s is named, with what to do', async (command, kind) => {
  const bad = BAD[kind]?.(temporaryFolder()) ?? '';
  const db = await migratedFile();
  const args = command.split(' ').map((word) => ({ BAD: bad, DB: db })[word] ?? word);
  const { exitCode, stderr } = await pylonDb([...args, '--json']);
  expect(exitCode).toBeGreaterThan(0);
  const { error } = JSON.parse(stderr);
  expect(error.code, stderr).not.toBe('UNEXPECTED');
  expect(error.message).toContain(bad);
  expect(error.hint).not.toBe('');
});

it('stdin that is closed is no SQL', async () => {
  const query = [CLI, 'query', '-', '--db', await migratedFile()];
  const closed = spawnSync('sh', ['-c', '"$0" "$@" <&-', process.execPath, ...query]);
  expect(closed.status).toBe(2);
  expect(String(closed.stderr)).toMatch(/^pylon-db: it begins with no keyword\. .*\n$/);
});

it('a folder that is missing is what is said to be missing, not the file in it', async () => {
  const folder = join(temporaryFolder(), 'none');
  const out = join(folder, 'x.csv');
  const { exitCode, stderr } = await pylonDb([
    'export',
    'jobs',
    '--out',
    out,
    '--db',
    await migratedFile(),
  ]);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringMatching(`^pylon-db: there is no folder ${folder}\\. `),
  });
});

it('a missing source of a copy is to be given with --from', async () => {
  const missing = join(temporaryFolder(), 'none.db');
  const { stderr } = await pylonDb(['copy', '--from', missing, '--to', await migratedFile()]);
  expect(stderr).toMatch(/^pylon-db: there is no file \S+none\.db\. .* with --from\.\n$/);
});
