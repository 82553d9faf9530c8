import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../temporary.js';
import { CLI, contents, json, publishedFile, pylonDb } from './command.js';

/** It never ends by itself; the marker finds its process. */
const runaway = (marker: string) =>
  `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) AS ${marker} FROM c`;

const endless = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
  SELECT n, hex(zeroblob(100)) AS pad FROM c`;

describe('the deadline', () => {
  it('ends a runaway query with a clear word and exit 1', async () => {
    const folder = temporaryFolder();
    const path = publishedFile(folder);
    const before = contents(folder);
    // Without an end it takes for ever.
    const outcome = await pylonDb(['query', runaway('a'), '--timeout', '0.3', '--db', path]);
    expect(outcome).toEqual({
      exitCode: 1,
      stdout: '',
      stderr:
        'pylon-db: the query was ended after 0.3 s. Look at its plan with --explain, narrow it, or raise --timeout.\n',
    });
    expect(contents(folder)).toEqual(before);
  });

  it('is 5 seconds by default, and its code is TIMEOUT', async () => {
    const path = publishedFile(temporaryFolder());
    const { exitCode, stderr } = await pylonDb(['query', runaway('a'), '--json', '--db', path]);
    expect([exitCode, JSON.parse(stderr)]).toEqual([
      1,
      {
        error: {
          code: 'TIMEOUT',
          message: 'the query was ended after 5 s',
          hint: expect.any(String),
        },
      },
    ]);
  });

  it('leaves the JSON of a part unclosed, so that it passes for no whole', async () => {
    const path = publishedFile(temporaryFolder());
    const sql = `SELECT 1 AS n UNION ALL SELECT * FROM (${runaway('n')})`;
    const args = ['query', sql, '--json', '--timeout', '1', '--db', path];
    const { exitCode, stdout } = await pylonDb(args);
    expect(exitCode).toBe(1);
    expect(() => JSON.parse(stdout)).toThrow(SyntaxError);
  });

  it.skipIf(process.platform !== 'linux').each(['SIGKILL', 'SIGTERM', 'SIGHUP'] as const)(
    'needs no waiting for when the command ends by %s: its query ends too (by /proc)',
    async (signal) => {
      const path = publishedFile(temporaryFolder());
      const args = [CLI, 'query', runaway('a'), '--timeout', '3600', '--db', path];
      const parent = spawn('node', args, { stdio: 'ignore' });
      onTestFinished(() => void parent.kill('SIGKILL'));
      const child = await childOf(parent);
      onTestFinished(() => endProcess(child));
      // Until SQLite runs and the process hears nothing.
      await sleep(1000);
      parent.kill(signal);
      await ended(child);
    },
  );

  it('does not run while the reader of the output makes it wait', async () => {
    const path = publishedFile(temporaryFolder());
    // Few rows, far more than a pipe holds: the query itself takes some ms of its deadline.
    const sql =
      'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 500) SELECT hex(zeroblob(5000)) FROM c';
    const line = `node ${CLI} query "${sql}" --format ndjson --timeout 4 --db ${path} | (sleep 5; wc -l)`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-o', 'pipefail', '-c', line]);
    expect([stdout.trim(), stderr]).toEqual(['500', '']);
  });
});

/** The process that runs the query. */
async function childOf(parent: ChildProcess): Promise<number> {
  while (parent.exitCode === null) {
    const child = readdirSync('/proc').find((name) => statusOf(name)?.parent === parent.pid);
    if (child !== undefined) return Number(child);
    await sleep(10);
  }
  throw new Error('it started no process');
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended, as it should.
  }
}

async function ended(pid: number): Promise<void> {
  // A zombie has ended: nobody has asked how.
  while ((statusOf(String(pid))?.state ?? 'Z') !== 'Z') await sleep(100);
}

function statusOf(pid: string): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, state = '', parent] = /^\d+ \(.*\) (\w) (\d+)/s.exec(stat) ?? [];
    return { state, parent: Number(parent) };
  } catch {
    // No process, or it has ended meanwhile.
    return undefined;
  }
}

describe('a cap', () => {
  it('of rows prints so many and says that there are more', async () => {
    const path = publishedFile(temporaryFolder());
    const args = ['query', endless, '--limit', '7', '--format', 'ndjson', '--db', path];
    const { exitCode, stdout, stderr } = await pylonDb(args);
    expect([exitCode, stdout.split('\n').length - 1]).toEqual([0, 7]);
    expect(stderr).toMatch(/^Rows shown: only the first 7; there are more\. Raise --limit/);
  });

  it('of rows is 1,000 by default', async () => {
    const path = publishedFile(temporaryFolder());
    expect(await json(['query', endless, '--db', path])).toHaveLength(1000);
  });

  it('says nothing when the result fits to the row, nor under --quiet', async () => {
    const path = publishedFile(temporaryFolder());
    const args = ['--limit', '7', '--db', path];
    const fits = await pylonDb(['query', `${endless} LIMIT 7`, ...args]);
    const quiet = await pylonDb(['query', endless, '--quiet', ...args]);
    expect([fits.stderr, quiet.stderr]).toEqual(['', '']);
  });

  it('of bytes ends a result that is wide', async () => {
    const path = publishedFile(temporaryFolder());
    const sql = 'SELECT 1 AS n, NULL AS b UNION ALL SELECT 2, zeroblob(70000000)';
    const { exitCode, stdout, stderr } = await pylonDb([
      'query',
      sql,
      '--json',
      '--timeout',
      '600',
      '--db',
      path,
    ]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual([{ n: 1, b: null }]);
    expect(stderr).toMatch(
      /^Rows shown: only the first 1; with the next there were more than 64 MiB/,
    );
  });
});

describe('a closed pipe', () => {
  it.each([['csv'], ['json'], ['ndjson']])(
    'ends an endless query quietly: %s | head',
    async (format) => {
      const path = publishedFile(temporaryFolder());
      const line = `node ${CLI} query "${endless.replaceAll('\n', ' ')}" --limit 1000000 --timeout 3600 --format ${format} --db ${path} | head -n 3; exit \${PIPESTATUS[0]}`;
      // Long before its own deadline, which would be reported: the process was ended.
      const { stdout, stderr } = await promisify(execFile)('bash', ['-c', line]);
      expect([stdout.split('\n').length - 1, stderr]).toEqual([3, '']);
    },
  );
});
