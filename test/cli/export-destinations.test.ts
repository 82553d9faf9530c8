import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { linkSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { testFile, writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { CLI, contents, publishedFile, pylonDb } from './command.js';

/** A query whose rows never end. */
const ENDLESS = 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n';

/** Which file each name is, by `stat` alone: this process holds the database. */
function identities(folder: string): Record<string, number[]> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => {
      const { ino, size, nlink } = statSync(join(folder, name));
      return [name, [ino, size, nlink]];
    }),
  );
}

describe('an export never replaces', () => {
  it.each(['', '-wal', '-shm', '-journal'])(
    'the database, spelled in any way: pylon.db%s',
    async (suffix) => {
      const folder = temporaryFolder();
      const path = publishedFile(folder);
      // Held open, so that the sidecars are there.
      const holder = new Database(path);
      holder.pragma('journal_mode = wal');
      holder.exec('begin; select 1 from jobs');
      onTestFinished(() => void holder.close());
      const link = join(temporaryFolder(), 'link');
      symlinkSync(folder, link);
      const target = path + suffix;
      const names = [
        target,
        join(link, `node-001.db${suffix}`),
        `${folder}/.//node-001.db${suffix}`,
      ];
      if (suffix !== '-journal') {
        symlinkSync(target, join(folder, 'soft.csv'));
        names.push(join(folder, 'soft.csv'));
      }
      // A database with two names isn't opened at all.
      if (suffix === '-wal' || suffix === '-shm') {
        linkSync(target, join(folder, 'hard.csv'));
        names.push(join(folder, 'hard.csv'));
      }
      const before = identities(folder);
      for (const out of names) {
        const args = ['export', 'jobs', '--format', 'csv', '--force', '--out', out, '--db', path];
        const { exitCode, stderr } = await pylonDb(args);
        expect({ out, exitCode, stderr }).toMatchObject({
          exitCode: 2,
          stderr: expect.stringContaining('belongs to the database itself'),
        });
      }
      expect(identities(folder)).toEqual(before);
      expect(holder.prepare('select count(*) from jobs').pluck().get()).toBe(200);
    },
  );

  it('a folder, a link or a device, even with --force', async () => {
    const path = publishedFile(temporaryFolder());
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'other.txt'), 'mine');
    symlinkSync('other.txt', join(folder, 'link.csv'));
    const before = contents(folder);
    for (const out of [folder, join(folder, 'link.csv'), '/dev/null']) {
      const args = ['export', 'jobs', '--format', 'csv', '--force', '--out', out, '--db', path];
      expect({ out, exitCode: (await pylonDb(args)).exitCode }).toEqual({ out, exitCode: 2 });
    }
    expect(contents(folder)).toEqual(before);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('anything when the folder is missing', async () => {
    const path = publishedFile(temporaryFolder());
    const out = join(temporaryFolder(), 'no', 'such', 'jobs.csv');
    const { exitCode, stderr } = await pylonDb(['export', 'jobs', '--out', out, '--db', path]);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(dirname(out))]);
  });
});

describe('nothing is left of an export', () => {
  async function started(
    path: string,
    out: string,
  ): Promise<{ child: ReturnType<typeof spawn>; ended: Promise<number | null> }> {
    const args = ['export', '--sql', ENDLESS, '--out', out, '--db', path];
    const child = spawn('node', [CLI, ...args], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    while (child.exitCode === null) {
      const sizes = readdirSync(dirname(out)).map(
        (name) => statSync(join(dirname(out), name), { throwIfNoEntry: false })?.size ?? 0,
      );
      if (sizes.some((size) => size > 100_000)) return { child, ended };
      await sleep(20);
    }
    throw new Error('The export wrote nothing');
  }

  it.each(['SIGINT', 'SIGTERM'] as const)('that %s ended', async (signal) => {
    const out = join(temporaryFolder(), 'endless.csv');
    const { child, ended } = await started(publishedFile(temporaryFolder()), out);
    child.kill(signal);
    expect(await ended).toBe(1);
    expect(readdirSync(dirname(out))).toEqual([]);
  });

  it('that was killed, after the next one', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(temporaryFolder());
    const out = join(folder, 'jobs.csv');
    const { child, ended } = await started(path, out);
    child.kill('SIGKILL');
    await ended;
    const [partial = '', ...more] = readdirSync(folder);
    expect([partial, more]).toEqual([expect.stringMatching(/^\.jobs\.csv\..*\.partial$/), []]);
    expect(statSync(join(folder, partial)).mode & 0o777).toBe(0o600);
    expect((await pylonDb(['export', 'jobs', '--out', out, '--db', path])).exitCode).toBe(0);
    expect(readdirSync(folder)).toEqual(['jobs.csv']);
    // The writer is gone too: it would make the unlinked file grow for ever.
    expect(spawnSync('pgrep', ['-f', partial]).stdout?.toString() ?? '').toBe('');
  });

  it('whose query fails halfway, and the old file stays', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(temporaryFolder());
    const out = join(folder, 'out.csv');
    writeFileSync(out, 'old');
    const sql = `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 50000)
      SELECT CASE WHEN x = 40000 THEN abs(-9223372036854775808) ELSE x END FROM n`;
    const args = ['export', '--sql', sql, '--out', out, '--force', '--db', path];
    const { exitCode, stderr } = await pylonDb(args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('integer overflow')]);
    expect(contents(folder)).toEqual({ [out]: expect.any(String) });
    expect(readFileSync(out, 'utf8')).toBe('old');
  });

  it('for which the disk has no room, which is reported', async () => {
    const path = publishedFile(temporaryFolder());
    const folder = temporaryFolder();
    // In blocks of 512 or 1,024 bytes: more than the sidecars of the database.
    const line = 'ulimit -f 100; exec "$0" "$@"';
    const args = [
      'export',
      '--sql',
      ENDLESS,
      '--out',
      join(folder, 'x.csv'),
      '--db',
      path,
      '--json',
    ];
    const { status, stderr } = spawnSync('sh', ['-c', line, process.execPath, CLI, ...args], {
      encoding: 'utf8',
    });
    expect({ status, error: JSON.parse(stderr).error }).toMatchObject({
      status: 1,
      error: {
        code: 'DISK_FULL',
        message: expect.stringMatching(/^there is no room at \S+x\.csv: .* are free$/),
      },
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of all tables that finds a folder with something in it', async () => {
    const path = publishedFile(temporaryFolder());
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'mine.txt'), 'mine');
    const before = contents(folder);
    const { exitCode } = await pylonDb(['export', '--all', '--out', folder, '--db', path]);
    expect(exitCode).toBe(2);
    expect(contents(folder)).toEqual(before);
    expect(readdirSync(dirname(folder)).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });
});

it('all tables are of one moment, alongside a writer that never rests', async () => {
  const { path, db } = await testFile();
  const completeAndPay = async (i: number) => {
    const id = `job-${i}`;
    await db.jobs.create({ id, kind: 1, customer_pubkey: 'c', status: 'processing' });
    await db.jobs.completeWithPayment(id, { price_msats: 1000, payment_hash: `hash-${i}` });
  };
  await completeAndPay(0);
  let resting = false;
  const writing = (async () => {
    for (let i = 1; !resting; i++) await completeAndPay(i);
  })();
  try {
    for (let round = 0; round < 3; round++) {
      const { stdout } = await pylonDb(['export', '--all', '--json', '--db', path]);
      const { jobs, earnings } = JSON.parse(stdout) as Record<
        'jobs' | 'earnings',
        { id: string; job_id: string; status: string }[]
      >;
      const completed = jobs.filter(({ status }) => status === 'completed').map(({ id }) => id);
      expect(completed.length).toBeGreaterThan(0);
      expect(earnings.map(({ job_id }) => job_id).sort()).toEqual(completed.sort());
    }
  } finally {
    resting = true;
    await writing;
  }
});

describe.skipIf(spawnSync('script', ['-qec', 'true', '/dev/null']).status !== 0)(
  'a terminal (needs script(1))',
  () => {
    async function onTerminal(args: string): Promise<string> {
      const line = `node ${CLI} export ${args}`;
      return execFileSync('script', ['-qec', line, '/dev/null'], { encoding: 'utf8' });
    }

    it('shows a bar that counts rows, and takes it away', async () => {
      const path = publishedFile(temporaryFolder());
      const out = join(temporaryFolder(), 'ticks.csv');
      const shown = await onTerminal(`tick_history --out ${out} --db ${path}`);
      expect(shown).toMatch(/tick_history +█+ 100 % {2}500 of 500/);
      expect(shown.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?25l'));
      expect(shown.trimEnd()).toMatch(/500 rows, [\d.]+ KiB\.$/);
      expect(await onTerminal(`jobs --quiet --out ${out} --force --db ${path}`)).not.toContain('█');
    });

    it('shows the bar of an export that goes to a file by redirection', async () => {
      const path = publishedFile(temporaryFolder());
      const out = join(temporaryFolder(), 'jobs.csv');
      expect(await onTerminal(`jobs --db ${path} > ${out}`)).toContain('200 of 200');
      expect(readFileSync(out, 'utf8')).not.toContain('█');
    });

    it('gets values without escapes, and no bar between them', async () => {
      const path = publishedFile(temporaryFolder());
      writeByAnother(path, "update agents set name = char(27) || '[2J'");
      const csv = await onTerminal(`agents --db ${path}`);
      expect(csv).toContain('\\x1b[2J');
      expect(csv).not.toContain('\u001b');
      expect(csv).not.toContain('█');
      const shown = await onTerminal(`agents --json --db ${path}`);
      expect(JSON.parse(shown)[0].name).toBe('\u001b[2J');
    });
  },
);
