import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { pylonDb } from '../cli/command.js';
import { Program } from '../faults/program.js';
import { temporaryFolder } from '../temporary.js';
import { failureOf } from './failure.js';

describe('a file: URL', () => {
  const urls = ['file:pylon.db', 'file:./pylon.db?mode=ro', 'file:/tmp/x.db', 'FILE:///tmp/x.db'];

  it.each(urls)('%s is refused, with the path to give', async (url) => {
    const error = await failureOf(PylonDb.open(url), 'NOT_SUPPORTED');
    expect(error.problem).toContain('file: URL');
    expect(error.hint).toContain(/x\.db/.test(url) ? '/tmp/x.db,' : 'pylon.db,');
    expect(error.hint).not.toContain('mode=ro');
  });

  it.each(urls)('%s is refused by a command, and no folder is made', async (url) => {
    const folder = temporaryFolder();
    const outcome = await pylonDb(['migrate', 'up', '--db', url], {}, folder);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toContain('file: URL');
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** A package whose better-sqlite3 is another one. */
function packageWith(change: (driver: string) => void): string {
  const home = temporaryFolder();
  cpSync(join(inject('cli'), '../..'), home, { recursive: true, verbatimSymlinks: true });
  const modules = join(home, 'node_modules');
  const real = join(import.meta.dirname, '../../node_modules');
  unlinkSync(modules);
  mkdirSync(modules);
  for (const name of readdirSync(real)) {
    if (name !== 'better-sqlite3') symlinkSync(join(real, name), join(modules, name));
  }
  const driver = join(modules, 'better-sqlite3');
  mkdirSync(driver);
  for (const name of ['package.json', 'lib']) {
    cpSync(join(real, 'better-sqlite3', name), join(driver, name), { recursive: true });
  }
  change(driver);
  return join(home, 'dist/cli.js');
}

describe('a driver that this Node cannot load', () => {
  it.each([
    ['was never built', () => {}],
    [
      'is of another machine',
      (driver: string) => {
        mkdirSync(join(driver, 'build/Release'), { recursive: true });
        writeFileSync(join(driver, 'build/Release/better_sqlite3.node'), 'not a library');
      },
    ],
  ])('is CANNOT_OPEN with the commands that build it when it %s', (_, change) => {
    const cli = packageWith(change);
    const path = join(temporaryFolder(), 'pylon.db');
    const command = ['migrate', 'up', '--db', path, '--json'];
    const { status, stderr } = spawnSync('node', [cli, ...command], { encoding: 'utf8' });
    expect(status).toBe(1);
    const { error } = JSON.parse(stderr);
    expect(error.code).toBe('CANNOT_OPEN');
    expect(error.message).toContain(process.version);
    expect(error.hint).toContain('npm rebuild better-sqlite3');
  });
});

describe('a process that can open no more files', () => {
  const opener = new Program(join(import.meta.dirname, 'opens-with-few.ts'));

  it('gets CANNOT_OPEN that says so, however many are left', async () => {
    const limited = ['sh', '-c', 'ulimit -n 256; exec "$0" "$@"'];
    for (let left = 0; left <= 8; left++) {
      const path = join(temporaryFolder(), 'pylon.db');
      const { lines, stderr } = await opener.run([path, left], limited);
      const reported = lines.join() || stderr;
      if (reported === 'opened') expect(existsSync(path)).toBe(true);
      else expect(reported, `${left} left`).toMatch(/^CANNOT_OPEN .*too many files are open/);
    }
  });
});
