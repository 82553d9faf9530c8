import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../temporary.js';
import { change, database, longDatabase, state } from './backed-up.js';
import { CLI, pylonDb } from './command.js';
import { interrupted, met } from './interrupted.js';

describe('an interruption', () => {
  const isGrowing = (folder: string) => () =>
    readdirSync(folder).some(
      (name) => (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0) > 4096,
    );

  it.each([
    ['SIGINT of a terminal', ['SIGINT', 'its group']],
    ['SIGTERM', ['SIGTERM', 'the command']],
    ['SIGHUP', ['SIGHUP', 'the command']],
  ] as const)('by %s ends a backup, and nothing is left', async (_, signal) => {
    const path = await longDatabase();
    const { folder, ...ended } = await met(async () => {
      const folder = temporaryFolder();
      const args = ['backup', folder, '--db', path];
      const ended = await interrupted(args, isGrowing(folder), signal);
      return ended && { folder, ...ended };
    });
    expect(ended).toEqual({
      exitCode: 1,
      stderr: 'pylon-db: it was stopped before its end. Run it again.\n',
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('ends a verification, and no copy is left; of a kill, the next one removes it', async () => {
    const path = await longDatabase();
    const folder = temporaryFolder();
    const copy = join(folder, 'copy.db');
    expect((await pylonDb(['backup', copy, '--db', path])).exitCode).toBe(0);
    change(copy, 'pragma journal_mode = wal');
    const before = state(folder);
    const TMPDIR = temporaryFolder();
    const isCopying = () => readdirSync(TMPDIR).length > 0;
    const verify = ['backup', 'verify', copy];
    const signalled = (...signal: Parameters<typeof interrupted>[2]) =>
      met(() => interrupted(verify, isCopying, signal, { TMPDIR }));
    expect(await signalled('SIGINT', 'the command')).toMatchObject({ exitCode: 1 });
    expect(readdirSync(TMPDIR)).toEqual([]);

    // Killed after it removed the copy, it was faster too.
    while (readdirSync(TMPDIR).length === 0) await signalled('SIGKILL', 'its group');
    const [left = '', ...more] = readdirSync(TMPDIR);
    expect([left, more]).toEqual([expect.stringMatching(/\.partial$/), []]);
    expect(statSync(join(TMPDIR, left)).mode & 0o777).toBe(0o700);
    expect((await pylonDb(verify, { TMPDIR })).exitCode).toBe(0);
    expect(readdirSync(TMPDIR)).toEqual([]);
    expect(state(folder)).toEqual(before);
  });
});

describe.skipIf(spawnSync('script', ['-qec', 'true', '/dev/null']).status !== 0)(
  'on a terminal (needs script(1))',
  () => {
    async function onTerminal(args: string): Promise<string> {
      const line = `node ${CLI} backup ${args}`;
      return execFileSync('script', ['-qec', line, '/dev/null'], { encoding: 'utf8' });
    }

    it('bars show copying, checking and hashing, and are taken away', async () => {
      const path = await longDatabase();
      const to = join(temporaryFolder(), 'copy.db');
      const shown = await onTerminal(`${to} --db ${path}`);
      for (const step of ['copying', 'checking', 'hashing']) {
        expect(shown).toMatch(new RegExp(`${step} +[█░]+ \\d+ % {2}`));
      }
      expect(shown).toMatch(/[\d.]+ MiB of [\d.]+ MiB/);
      expect(shown.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?25l'));
      expect(shown.trimEnd()).toMatch(/copy\.db\r\n20,0\d\d rows, [\d.]+ MiB, verified\.$/);
      expect(await onTerminal(`verify ${to}`)).toMatch(/hashing +█/);
      for (const args of [`${to} --force --quiet`, `${to} --force --json`]) {
        expect(await onTerminal(`${args} --db ${path}`)).not.toMatch(/[█░]/);
      }
    });

    it('a name that it would obey is shown escaped, and given to scripts as it is', async () => {
      const path = await database();
      const name = 'a\u001b[2J.db';
      const to = join(temporaryFolder(), name);
      const { stdout } = await pylonDb(['backup', to, '--db', path]);
      expect(stdout).toBe(`${to}\n`);
      expect(await onTerminal(`"${to}" --force --db ${path}`)).toContain('/a\\x1b[2J.db\r\n');
    });
  },
);
