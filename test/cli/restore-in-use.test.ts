import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../temporary.js';
import { atWork } from './at-work.js';
import { backup, change, database, longDatabase } from './backed-up.js';
import { CLI, contents, pylonDb } from './command.js';

const restore = async (path: string, ...args: readonly string[]) =>
  await pylonDb(['restore', ...args, '--db', path]);

/** A service that has the database open, in the middle of what `doing` begins. */
async function service(path: string, doing = ''): Promise<ChildProcess> {
  const script = `
    const db = new (require('better-sqlite3'))(${JSON.stringify(path)});
    db.prepare('select count(*) from jobs').get();
    ${doing}
    console.log('open');
    setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill());
  await once(child.stdout, 'data');
  return child;
}

/** A command of ours that stays open until the test has finished: a query that never ends. */
async function ownQuery(path: string): Promise<ChildProcess> {
  const name = join(temporaryFolder(), 'pylon-db');
  symlinkSync(CLI, name);
  const sql =
    'with recursive n (i) as (select 1 union all select i + 1 from n) select max(i) from n';
  const query = spawn(process.execPath, [name, '--db', path, 'query', sql, '--timeout', '600'], {
    stdio: 'ignore',
  });
  onTestFinished(() => void query.kill());
  await atWork(query, path);
  return query;
}

it.each([
  ['idle', ''],
  ['reading', "db.exec('begin'); db.prepare('select count(*) from jobs').get();"],
  ['writing', "db.exec('begin immediate');"],
])(
  'a dry run alongside a service that is %s verifies, and names who has to end',
  async (_, doing) => {
    const [path, copy] = [await database(), await backup()];
    const { pid } = await service(path, doing);
    const before = contents(join(path, '..'));
    const { exitCode, stdout, stderr } = await restore(path, copy, '--dry-run');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringMatching(
        new RegExp(
          `^Nothing was changed: this was a dry run\\. A restore has to wait while the database is open in process ${pid} \\(.*\\)\\. End process ${pid}, and restore again\\.\\n$`,
        ),
      ),
    });
    expect(stdout).toMatch(new RegExp(`^open in +process ${pid} \\(`, 'm'));
    const { stdout: answer } = await restore(path, copy, '--dry-run', '--json');
    expect(JSON.parse(answer)).toMatchObject({
      dry_run: true,
      replaced: 'whole',
      openers: [{ pid }],
    });
    expect(contents(join(path, '..'))).toEqual(before);
  },
);

it('a dry run alongside a service still refuses a backup that is damaged', async () => {
  const [path, copy] = [await database(), await backup()];
  await service(path);
  change(copy, "insert into agents (npub, name, lifecycle_state) values ('x', '', 'active')");
  const { exitCode, stderr } = await restore(path, copy, '--dry-run', '--json');
  expect({ exitCode, code: JSON.parse(stderr).error.code }).toEqual({
    exitCode: 4,
    code: 'BACKUP_INVALID',
  });
});

it('a command of ours that has the database open is named as such, and waited for', async () => {
  const [path, copy] = [await longDatabase(), await backup()];
  await ownQuery(path);
  const { exitCode, stderr } = await restore(path, copy);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 5,
    stderr: expect.stringMatching(
      /is open in process \d+ \(pylon-db query\)\. Nothing was changed\. It ends by itself: wait for it, and restore again\.\n$/,
    ),
  });
});

it('alongside a command of ours, the service is what has to be ended', async () => {
  const [path, copy] = [await longDatabase(), await backup()];
  await ownQuery(path);
  const { pid } = await service(path);
  const { stderr } = await restore(path, copy);
  expect(stderr).toContain('(pylon-db query)');
  expect(stderr).toContain(`End process ${pid}, wait for the rest to end by itself`);
});
