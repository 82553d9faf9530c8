import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { openersOf, otherOpeners } from '../../src/cli/shell/openers.js';
import { database } from './backed-up.js';

it('a child of this process that has the file open is not another one', async () => {
  const path = await database();
  const script = `
    new (require('better-sqlite3'))(${JSON.stringify(path)}).prepare('select * from jobs').all();
    console.log('open');
    setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill());
  await once(child.stdout, 'data');
  expect(await openersOf(path)).toEqual([
    { pid: child.pid, parent: process.pid, command: expect.stringContaining('-e') },
  ]);
  expect(await otherOpeners(path)).toEqual([]);
});
