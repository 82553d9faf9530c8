import { execFileSync, spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { backup, database } from './backed-up.js';
import { CLI } from './command.js';

const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;

it.skipIf(!hasScript)('shows a bar for each step on a terminal (needs script(1))', async () => {
  const line = `node ${CLI} restore ${await backup()} --db ${await database()}`;
  const shown = execFileSync('script', ['-qec', line, '/dev/null'], { encoding: 'utf8' });
  for (const step of ['checking', 'hashing', 'saving', 'copying']) {
    expect(shown).toMatch(new RegExp(`${step} +[█░]+ +\\d+ %`));
  }
  // They are taken away, and the cursor is shown again.
  expect(shown.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?25l'));
  const answer = shown.slice(shown.lastIndexOf('\u001b[?25h'));
  expect(answer).toContain('restored');
  expect(answer).not.toContain('█');
});
