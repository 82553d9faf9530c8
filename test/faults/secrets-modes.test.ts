import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject, it } from 'vitest';
import { built } from '../backup/built.js';
import { temporaryFolder } from '../temporary.js';
import { reported } from './table.js';

const [writer = '', watcher = ''] = await built(
  join(import.meta.dirname, 'secrets-writer.ts'),
  join(import.meta.dirname, 'secrets-watcher.ts'),
);

const ROUNDS = 4;

/** The usual one, and the one that takes nothing away. */
const MASKS = ['022', '000'] as const;

/** A mode at the end of a call; another thread's call may cut the line there. */
const OWNERS_ONLY = /, 0[67]00(\)| <unfinished)/;

/** What the commands leave, some of it made under another name. */
const WRITTEN = ['backups', 'copy.db', 'copy.db.json', 'earnings.csv', 'all', 'jobs.json'];
const HAS_STRACE = spawnSync('strace', ['-V']).status === 0 && canTrace();

const run = promisify(execFile);

/** A folder for databases and one for temporary files, both watched. */
function watchedFolder() {
  const outer = temporaryFolder();
  const folder = join(outer, 'watched');
  mkdirSync(join(folder, 'tmp'), { recursive: true, mode: 0o700 });
  const temporary = join(folder, 'tmp');
  const env = { ...process.env, TMPDIR: temporary, SQLITE_TMPDIR: temporary };
  return { outer, folder, env };
}

describe.each(MASKS)('with the file mask %s', (mask) => {
  it('nothing can be read by others, not for a moment', async () => {
    const { outer, folder, env } = watchedFolder();
    const stop = join(outer, 'stop');
    const watching = run(process.execPath, [watcher, folder, stop]);
    await run(process.execPath, [writer, folder, mask, String(ROUNDS), inject('cli')], { env });
    writeFileSync(stop, '');
    const { looks, seen, readable }: Watched = JSON.parse((await watching).stdout);
    expect(readable).toEqual([]);
    expect(looks).toBeGreaterThan(100);
    const names = new Set(seen.map((path) => basename(path)));
    for (const name of ['deep', 'pylon.db', 'pylon.db-wal', 'pylon.db-shm', ...WRITTEN]) {
      expect(names, name).toContain(name);
    }
    reported(`files with mask ${mask}`, {
      tried: `${ROUNDS} databases made, migrated, vacuumed, backed up, exported, restored; ${looks} looks by another process`,
      figure: `${seen.length} files and folders, 0 ever readable by others`,
    });
  });
});

// What a call asks for doesn't depend on the mask.
it.skipIf(!HAS_STRACE)('each is created with its mode, none is changed later', async () => {
  const { outer, folder, env } = watchedFolder();
  const log = join(outer, 'strace');
  const calls =
    'trace=open,openat,creat,mkdir,mkdirat,chmod,fchmod,fchmodat,umask,' +
    'unlink,unlinkat,rename,renameat,renameat2';
  const args = ['-f', '-y', '-s', '4096', '-o', log, '-e', calls, process.execPath];
  await run('strace', [...args, writer, folder, MASKS[0], '1', inject('cli')], { env });
  const ours = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder));
  const created = creating(ours);
  expect(created.filter((line) => !OWNERS_ONLY.test(line))).toEqual([]);
  expect(created.some((line) => line.includes('pylon.db-wal'))).toBe(true);
  expect(ours.filter((line) => /chmod/.test(line) && !OWNERS_ONLY.test(line))).toEqual([]);
  reported('system calls', {
    tried: `${created.length} files and folders created under strace`,
    figure: 'each with 0600 or 0700 from its first moment',
  });
});

/** The calls that made a file or a folder: O_CREAT of one that is there makes none. */
function creating(calls: readonly string[]): string[] {
  const there = new Set<string>();
  return calls.filter((call) => {
    if (/ = -1 /.test(call)) return false;
    const [first = '', second = ''] = [...call.matchAll(/"([^"]+)"/g)].map(([, path = '']) => path);
    if (/unlink|rename/.test(call)) {
      there.delete(first);
      if (call.includes('rename')) there.add(second);
      return false;
    }
    if (!/O_CREAT|mkdir/.test(call) || there.has(first)) return false;
    there.add(first);
    return true;
  });
}

interface Watched {
  readonly looks: number;
  readonly seen: readonly string[];
  readonly readable: readonly string[];
}

/** Containers may forbid it. */
function canTrace(): boolean {
  return spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
}
