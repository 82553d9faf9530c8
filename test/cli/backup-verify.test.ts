import { chmodSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manifestOf, sha256 } from '../backup/backups.js';
import { temporaryFolder } from '../temporary.js';
import { backup, change, changeManifest, damage, state, unnoticed } from './backed-up.js';
import { json, pylonDb } from './command.js';

/** What may be wrong with a backup, and what the error says. */
const BAD: readonly (readonly [what: string, spoil: (backup: string) => void, word: RegExp])[] = [
  ['that is damaged', damage, /SHA-256/],
  ['that is damaged, with a manifest to fit', unnoticed(damage), /damaged/],
  ['that is truncated', (b) => truncateSync(b, 8192), /has 8192 bytes, its manifest says/],
  ['that is truncated, with a manifest to fit', unnoticed((b) => truncateSync(b, 8192)), /damaged/],
  ['that is empty', unnoticed((b) => writeFileSync(b, '')), /not an SQLite database/],
  [
    'that is not a database',
    unnoticed((b) => writeFileSync(b, 'not a database at all'.repeat(99))),
    /not an SQLite database/,
  ],
  [
    "that is another program's",
    (b) => {
      rmSync(b);
      change(b, 'create table notes (text)');
    },
    /not a backup for this pylon-db/,
  ],
  [
    "that is a newer pylon-db's",
    (b) => change(b, "insert into migrations (name) values ('009_pylon_db_future')"),
    /009_pylon_db_future/,
  ],
  [
    'without a published column',
    (b) => change(b, 'alter table agents drop column goals_json'),
    /goals_json/,
  ],
  [
    'with rows that its manifest lacks',
    (b) => change(b, "delete from jobs where id = 'a'"),
    /rows in jobs/,
  ],
  [
    'with a table that its manifest lacks',
    (b) => change(b, 'create table theirs (a)'),
    /rows in theirs/,
  ],
  ['with another SHA-256', (b) => changeManifest(b, { sha256: 'a'.repeat(64) }), /SHA-256/],
  ['with another size', (b) => changeManifest(b, { size_bytes: 1 }), /its manifest says 1/],
  ['with other row counts', (b) => changeManifest(b, { rows: { jobs: 3 } }), /manifest says/],
  [
    'with another ledger',
    (b) => changeManifest(b, { migrations: ['001_initial_schema'] }),
    /migrations/,
  ],
  [
    'with other violations',
    (b) => changeManifest(b, { foreign_key_violations: 1 }),
    /foreign key violations/,
  ],
  [
    'with a manifest of a later format',
    (b) => changeManifest(b, { format: 2 }),
    /format 1.*update/,
  ],
  ['with a manifest of a wrong kind', (b) => changeManifest(b, { rows: [1.5] }), /broken: /],
  ['with a manifest that is cut', (b) => truncateSync(`${b}.json`, 50), /no JSON/],
  ['with a manifest that is empty', (b) => truncateSync(`${b}.json`, 0), /no JSON/],
  [
    'with a folder as its manifest',
    (b) => {
      rmSync(`${b}.json`);
      mkdirSync(`${b}.json`);
    },
    /not a manifest/,
  ],
  ['without manifest', (b) => rmSync(`${b}.json`), /has no manifest/],
  [
    'next to a WAL that belongs to it',
    (b) => writeFileSync(`${b}-wal`, 'frames'),
    /-wal stands next to/,
  ],
];

describe('backup verify', () => {
  it('shows a good one, and changes nothing', async () => {
    const path = await backup();
    const before = state(dirname(path));
    const { exitCode, stdout, stderr } = await pylonDb(['backup', 'verify', path]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: 'It is whole.\n' });
    expect(stdout).toContain(sha256(path));
    expect(stdout).toMatch(/^made \(UTC\) +2026-07-01 12:00:00$/m);
    expect(stdout).toMatch(/^ +jobs +2$/m);
    expect(await json(['backup', 'verify', path])).toEqual({ path, manifest: manifestOf(path) });
    expect(state(dirname(path))).toEqual(before);
  });

  it.each(BAD)('refuses one %s, and changes nothing', async (_, spoil, word) => {
    const path = await backup();
    spoil(path);
    const before = state(dirname(path));
    const { exitCode, stdout, stderr } = await pylonDb(['backup', 'verify', path, '--json']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' });
    const { error } = JSON.parse(stderr);
    expect(error).toEqual({
      code: 'BACKUP_INVALID',
      message: expect.any(String),
      hint: expect.stringMatching(/./),
    });
    expect(`${error.message} ${error.hint}`).toMatch(word);
    expect(state(dirname(path))).toEqual(before);
  });

  it('reads one in WAL mode without leaving a -wal or -shm, nor a copy elsewhere', async () => {
    const path = await backup();
    change(path, 'pragma journal_mode = wal');
    chmodSync(path, 0o400);
    const before = state(dirname(path));
    const TMPDIR = temporaryFolder();
    expect(await pylonDb(['backup', 'verify', path], { TMPDIR })).toMatchObject({ exitCode: 0 });
    expect(state(dirname(path))).toEqual(before);
    expect(readdirSync(TMPDIR)).toEqual([]);
  });

  it.each([
    ['nowhere.db', /there is no file .*nowhere\.db/],
    ['.', /is not a file/],
  ])('fails for %s', async (file, word) => {
    const outcome = await pylonDb(['backup', 'verify', join(temporaryFolder(), file)]);
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toMatch(word);
    expect(outcome.stderr.split('\n')).toHaveLength(2);
  });
});
