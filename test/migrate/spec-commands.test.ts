import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { valueOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';
import { createPublishedFile, SPEC } from './published.js';

const TABLES = ['agents', 'earnings', 'jobs', 'migrations', 'tick_history'];
const EXPORT =
  "select json_group_array(json_object('id', id, 'amount_msats', amount_msats)) from earnings";

let home: string;
let path: string;

beforeEach(async () => {
  home = temporaryFolder();
  mkdirSync(join(home, '.pylon'));
  path = join(home, '.pylon/pylon.db');
  createPublishedFile(path, 'update earnings set preimage = \'a "quoted", line\'');
  await (await PylonDb.open(path)).close();
});

/** SPEC.md's shell blocks: what they run with sqlite3, and what is typed into it. */
function shellBlock(containing: string): string {
  const blocks = [...SPEC.matchAll(/```bash\n([\s\S]*?)```/g)].map((block) => block[1] ?? '');
  const block = blocks.find((text) => text.includes(containing));
  if (block === undefined) throw new Error(`SPEC.md has no block with ${containing}`);
  return block;
}

function hasSqlite3(): boolean {
  try {
    execFileSync('sqlite3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs a shell script at home, where `~/.pylon/pylon.db` is the migrated file. */
const shell = (script: string, input = ''): string =>
  execFileSync('sh', ['-ec', script], {
    cwd: home,
    env: { ...process.env, HOME: home },
    input,
    encoding: 'utf8',
  });

describe.skipIf(!hasSqlite3())('on a migrated file (skipped without sqlite3 on the PATH)', () => {
  it('runs what SPEC.md types into the shell', () => {
    const block = shellBlock('.tables');
    const typed = block.split('\n').filter((line) => /^(\.|SELECT)/.test(line));
    expect(typed).toHaveLength(4);
    const answers = typed.map((line) =>
      shell('sqlite3 ~/.pylon/pylon.db', line.replace(/--.*/, '')),
    );
    for (const table of TABLES) expect(answers[0]).toMatch(new RegExp(`\\b${table}\\b`));
    expect(answers[1]).toMatch(/CREATE TABLE .*jobs/i);
    expect(answers[1]).toContain('idx_jobs_status');
    expect(answers[2]).toContain('a|1|c|pending');
    expect(answers[3]).toBe('7\n');
  });

  it('runs its exports', () => {
    shell(shellBlock('-header -csv'));
    expect(readFileSync(join(home, 'earnings.csv'), 'utf8')).toMatch(
      /^id,job_id,amount_msats,source,payment_hash,preimage,earned_at\r?\ne,b,7,job,,"a ""quoted"", line",\d+\r?\n$/,
    );
    expect(JSON.parse(readFileSync(join(home, 'earnings.json'), 'utf8'))).toEqual([
      { id: 'e', amount_msats: 7, source: 'job' },
    ]);
  });

  it('runs its VACUUM', async () => {
    shell(shellBlock('VACUUM;'));
    const db = await PylonDb.open(path);
    expect(await db.earnings.total()).toBe(7);
    await db.close();
    expect(valueOutside(path, 'pragma integrity_check')).toBe('ok');
  });

  it('runs its .backup', () => {
    const command = shellBlock('.backup').match(/^sqlite3 .*$/m)?.[0] ?? '';
    shell(command);
    expect(existsSync(join(home, 'backup.db'))).toBe(true);
    expect(valueOutside(join(home, 'backup.db'), 'select count(*) from jobs')).toBe(2);
  });

  it('counts what the shell writes, foreign keys off and all', async () => {
    shell(
      'sqlite3 ~/.pylon/pylon.db',
      `insert into earnings (id, job_id, amount_msats, source) values ('x', 'nobody', 5, 'tip');
       insert or replace into earnings (id, amount_msats, source) values ('e', 1, 'other');`,
    );
    const db = await PylonDb.open(path);
    expect(await db.earnings.summary()).toEqual({
      total_msats: 6,
      total_sats: 0,
      job_count: 1,
      by_source: { job: 0, tip: 5, other: 1 },
    });
    await db.close();
  });
});

describe('the same SQL through another connection', () => {
  it('runs on a migrated file', () => {
    const db = new Database(path);
    const tables = db.prepare("select name from sqlite_master where type = 'table'").pluck().all();
    expect(tables).toEqual(expect.arrayContaining(TABLES));
    expect(db.prepare('SELECT * FROM jobs LIMIT 10').all()).toHaveLength(2);
    expect(db.prepare('SELECT SUM(amount_msats) FROM earnings').pluck().get()).toBe(7);
    expect(db.prepare('SELECT * FROM earnings').all()).toMatchObject([{ id: 'e', job_id: 'b' }]);
    expect(db.prepare(EXPORT).pluck().get()).toBe('[{"id":"e","amount_msats":7}]');
    db.exec('VACUUM');
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    db.close();
  });
});
