import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { valueOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';
import { Program } from './program.js';
import { reported } from './table.js';

const TICKS = 300;
const program = new Program(join(import.meta.dirname, 'closing-program.ts'));

async function freshFile(): Promise<string> {
  const path = join(temporaryFolder(), 'pylon.db');
  const db = await PylonDb.open(path);
  await db.agents.upsert({ npub: 'a', name: '', lifecycle_state: 'active' });
  await db.close();
  return path;
}

it.each([
  { moment: 'batch', units: TICKS, ticks: TICKS },
  { moment: 'transaction', units: TICKS + 1, ticks: TICKS + 20 },
])(
  'close during a $moment settles all calls, and later ones throw CLOSED',
  async ({ moment, units, ticks }) => {
    const path = await freshFile();
    const { lines, exitCode, stderr } = await program.run([path, moment]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(lines[1] ?? '')).toEqual({ outcomes: { stored: units }, late: 'CLOSED' });
    // Before anybody opens it again.
    expect(existsSync(`${path}-wal`)).toBe(false);
    expect(valueOutside(path, 'select count(*) from tick_history')).toBe(ticks);
    expect(valueOutside(path, 'select tick_count from agents')).toBe(ticks);
    reported(`close during a ${moment}`, {
      tried: `${units} queued calls, close called three times`,
      figure: 'all stored, later ones CLOSED, no unhandled rejection',
    });
  },
);

it('close while calls wait for another process waits with them, and reports BUSY after its time', async () => {
  const path = await freshFile();
  const other = new Database(path);
  other.exec('begin immediate');
  const { lines, exitCode, stderr } = await program.run([path, 'wait', 300]);
  other.exec('rollback');
  other.close();
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(JSON.parse(lines[1] ?? '')).toEqual({ outcomes: { BUSY: TICKS }, late: 'CLOSED' });
  expect(valueOutside(path, 'select count(*) from tick_history')).toBe(0);
  reported('close during a wait', {
    tried: `${TICKS} calls behind another process's lock`,
    figure: 'all BUSY after their time, nothing of them stored',
  });
});

it('a process that ends without close leaves a file that opens clean', async () => {
  const path = await freshFile();
  const { exitCode, stderr } = await program.run([path, 'exit']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  await using db = await PylonDb.open(path);
  expect(await db.agents.get('a')).toMatchObject({ tick_count: TICKS });
  expect(valueOutside(path, 'pragma integrity_check')).toBe('ok');
  reported('exit without close', {
    tried: `${TICKS} acknowledged ticks`,
    figure: 'all there on reopening',
  });
});
