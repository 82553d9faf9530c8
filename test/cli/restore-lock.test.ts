import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { lookAtLive } from '../../src/cli/restore/live-database.js';
import { rejection } from '../engine/failure.js';
import { migratedFile } from '../migrated-file.js';
import { temporaryFolder } from '../temporary.js';

// Of another user's process nothing is seen but its locks.
it.each([
  ['idle', ''],
  ['reading', "db.exec('begin'); db.prepare('select count(*) from jobs').get();"],
  ['writing', "db.exec('begin immediate');"],
])('a process that has the database open, %s, is known by its locks alone', async (_, doing) => {
  const path = join(temporaryFolder(), 'pylon.db');
  migratedFile(path);
  const script = `
    const db = new (require('better-sqlite3'))(${JSON.stringify(path)});
    db.prepare('select count(*) from jobs').get();
    ${doing}
    console.log('open');
    setTimeout(() => {}, 60_000);`;
  const other = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void other.kill());
  await once(other.stdout, 'data');
  const look = lookAtLive(path, {
    dryRun: false,
    force: false,
    accept: async () => {},
    later: () => undefined,
  });
  expect(await rejection(look)).toMatchObject({ code: 'IN_USE' });
});
