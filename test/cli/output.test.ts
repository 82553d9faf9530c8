import { execFile } from 'node:child_process';
import { promisify, stripVTControlCharacters } from 'node:util';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { cells } from '../../src/cli/shell/terminal-text.js';
import { temporaryFolder } from '../temporary.js';
import { CLI, json, publishedFile, pylonDb } from './command.js';

const run = promisify(execFile);

describe('secrets', () => {
  function withPreimage(): string {
    const path = publishedFile(temporaryFolder());
    const db = new Database(path);
    db.exec("update earnings set preimage = 'deadbeefsecret'");
    db.close();
    return path;
  }

  it('are in no output, JSON included', async () => {
    const path = withPreimage();
    for (const args of [['earnings'], ['earnings', '--json'], ['earnings', '--by', 'day']]) {
      const { exitCode, stdout, stderr } = await pylonDb([...args, '--debug', '--db', path]);
      expect(exitCode).toBe(0);
      expect(stdout + stderr).not.toContain('secret');
    }
    const rows = await json(['earnings', '--limit', '1', '--db', path]);
    expect((rows as object[])[0]).not.toHaveProperty('preimage');
  });

  it('are shown with --include-secrets', async () => {
    const path = withPreimage();
    const { stdout } = await pylonDb(['earnings', '--include-secrets', '--db', path]);
    expect(stdout.match(/deadbeefsecret/g)).toHaveLength(20);
    const [row] = (await json(['earnings', '--include-secrets', '--db', path])) as object[];
    expect(row).toHaveProperty('preimage', 'deadbeefsecret');
  });
});

describe('hostile text', () => {
  const NAME = 'a\u001b[2J\u001b]0;owned\u0007b\r\nc\u202ed\u009bx';

  it('reaches the terminal only escaped', async () => {
    const path = publishedFile(temporaryFolder());
    const db = new Database(path);
    db.prepare('update agents set name = ?').run(NAME);
    db.prepare("update jobs set error_message = ? where status = 'failed'").run(NAME);
    db.close();
    for (const args of [['agents'], ['jobs', '--status', 'failed']]) {
      const { stdout } = await pylonDb([...args, '--db', path]);
      expect(stdout).toContain('a\\x1b[2J\\x1b]0;owned\\x07b\\r\\nc\\u{202e}d\\x9bx');
      expect(stdout).not.toMatch(/[^\n\P{Cc}]|\u202e/u);
    }
  });

  it('is escaped in JSON, which still gives the stored text', async () => {
    const path = publishedFile(temporaryFolder());
    const db = new Database(path);
    db.prepare('update agents set name = ?').run(NAME);
    db.close();
    const { stdout } = await pylonDb(['agents', '--json', '--db', path]);
    expect(stdout).not.toMatch(/[^\n\P{Cc}]|\u202e/u);
    expect(JSON.parse(stdout)[0].name).toBe(NAME);
  });

  it('in an argument is escaped in the error', async () => {
    const { stderr } = await pylonDb(['jobs', '--status', '\u001b[31m']);
    expect(stderr).toContain('\\x1b[31m');
    expect(stderr).not.toContain('\u001b');
  });
});

describe('standard output', () => {
  it('may go away early: the command ends quietly', async () => {
    const path = publishedFile(temporaryFolder());
    const command = `node '${CLI}' jobs --limit 10000 --json --db '${path}'`;
    const { stdout, stderr } = await run('bash', [
      '-c',
      `set -o pipefail; ${command} | head -c 1; echo "\${PIPESTATUS[@]}"`,
    ]);
    expect({ stdout, stderr }).toEqual({ stdout: '[0 0\n', stderr: '' });
  });

  it('that is full fails the command', async () => {
    const path = publishedFile(temporaryFolder());
    const failing = run('bash', ['-c', `node '${CLI}' jobs --quiet --db '${path}' > /dev/full`]);
    await expect(failing).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^pylon-db: the output can't be written where it goes \(ENOSPC\)\. [^\n]*Free space[^\n]*\n$/,
      ),
    });
  });

  it('that is not a terminal gets no colours, and tables at full width', async () => {
    const path = publishedFile(temporaryFolder());
    const { stdout } = await pylonDb(['jobs', '--limit', '2', '--db', path], { FORCE_COLOR: '1' });
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toMatch(/^[0-9a-f]{64} /m);
  });
});

describe('a terminal', () => {
  /** Makes a process believe that its stdout is a terminal of 60 columns. */
  const TERMINAL =
    '--import=data:text/javascript,process.stdout.isTTY=true;process.stdout.columns=60';
  const COLOUR = '\u001b[';

  it('gets tables and bars that fit its width', async () => {
    const path = publishedFile(temporaryFolder());
    const db = new Database(path);
    db.exec("update agents set name = '研究エージェント研究エージェント'");
    db.close();
    for (const args of [['agents'], ['earnings', '--by', 'day']]) {
      const { stdout } = await pylonDb([...args, '--no-color', '--db', path], {
        NODE_OPTIONS: TERMINAL,
      });
      const widths = stdout.split('\n').map((line) => cells(line));
      // Six columns of agents can't all be shortened: two keep twelve cells, four stay whole.
      expect(Math.max(...widths)).toBeLessThanOrEqual(args.length === 1 ? 80 : 60);
    }
  });

  it('gets colours, unless NO_COLOR or --no-color say no', async () => {
    const path = publishedFile(temporaryFolder());
    const jobs = ['jobs', '--limit', '1', '--db', path];
    const coloured = await pylonDb(jobs, { NODE_OPTIONS: TERMINAL });
    const byVariable = await pylonDb(jobs, { NODE_OPTIONS: TERMINAL, NO_COLOR: '1' });
    const byOption = await pylonDb([...jobs, '--no-color'], { NODE_OPTIONS: TERMINAL });
    expect(coloured.stdout).toContain(COLOUR);
    expect(byVariable.stdout).not.toContain(COLOUR);
    expect(byOption.stdout).toBe(byVariable.stdout);
    expect(stripVTControlCharacters(coloured.stdout)).toBe(byOption.stdout);
  });
});
