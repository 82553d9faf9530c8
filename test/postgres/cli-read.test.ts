import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { freshPylonDb, pylonDb } from '../cli/command.js';
import { connection, describeOnServer } from './own-server.js';
import { jsonOnServer, onServer, withoutSecret, withPassword } from './server-commands.js';

describeOnServer('commands that read a server', (own) => {
  let url: string;
  beforeAll(async () => {
    url = await own.freshSchema();
    await using db = await PylonDb.open(url);
    await db.jobs.create({ id: 'job-1', kind: 5050, customer_pubkey: 'c', price_msats: 7000 });
    await db.earnings.record({ id: 'tip-1', amount_msats: 1000, source: 'tip' });
    await db.agents.upsert({ npub: 'npub1', name: 'one', lifecycle_state: 'embryonic' });
  });

  it('info reports address, size, version, migrations and totals', async () => {
    const info = await jsonOnServer(url, ['info']);
    expect(info).toMatchObject({
      path: `postgres://postgres@127.0.0.1:${own.server.port}/postgres`,
      wal_bytes: null,
      server_version: expect.stringMatching(/^\d+/),
      migrations: { pending: [] },
      jobs: { pending: 1 },
      earnings: { total_msats: 1000 },
      agents: { embryonic: 1 },
    });
    expect(info).toHaveProperty('size_bytes', expect.any(Number));
  });

  it('info gives every figure but those that one absurd amount spoils', async () => {
    const other = await own.freshSchema();
    await using db = await PylonDb.open(other);
    for (const id of ['one', 'two']) {
      await db.earnings.record({ id, amount_msats: Number.MAX_SAFE_INTEGER, source: 'other' });
    }
    await db.earnings.record({ id: 'tip', amount_msats: 1000, source: 'tip' });
    expect(await jsonOnServer(other, ['info'])).toMatchObject({
      jobs: { pending: 0 },
      earnings: {
        total_msats: null,
        total_sats: null,
        by_source: { job: 0, tip: 1000, other: null },
      },
      notes: [expect.stringContaining('2^53-1')],
    });
  });

  it('takes the server from PYLON_DB too', async () => {
    const outcome = withoutSecret(await pylonDb(['jobs'], { PYLON_DB: withPassword(url) }));
    expect([outcome.exitCode, outcome.stderr]).toEqual([0, '']);
    expect(outcome.stdout).toContain('job-1');
  });

  it.each([
    ['jobs', 'job-1'],
    ['earnings', 'tip-1'],
    ['agents', 'npub1'],
  ])('%s lists what is stored', async (command, id) => {
    const { exitCode, stdout } = await onServer(url, command);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(id);
  });

  it.each([
    [['backup'], 'pg_dump'],
    [['backup', 'list'], 'backup list FOLDER'],
    [['restore', 'x.db'], 'pg_restore'],
    [['vacuum'], 'autovacuum'],
  ])('%s is NOT_SUPPORTED and names what does it', async (args, instead) => {
    const { exitCode, stdout, stderr } = await onServer(url, ...args, '--json');
    expect([exitCode, stdout]).toEqual([1, '']);
    const { error } = JSON.parse(stderr);
    expect(error).toMatchObject({
      code: 'NOT_SUPPORTED',
      hint: expect.stringContaining(instead),
    });
  });

  it('a schema with pending migrations exits 3', async () => {
    expect(await onServer(await own.freshSchema(), 'jobs')).toMatchObject({
      exitCode: 3,
      stdout: '',
      stderr: expect.stringContaining('Run `pylon-db migrate up`.'),
    });
  });

  it('check finds nothing, then what is wrong and how to mend it', async () => {
    const other = await own.freshSchema();
    await (await PylonDb.open(other)).close();
    expect(await jsonOnServer(other, ['check'])).toMatchObject({ ok: true, findings: [] });
    const client = await connection(other);
    await client.query(`drop index idx_jobs_status;
      create function spy() returns trigger language plpgsql as 'begin return new; end';
      create trigger spy before insert on agents for each row execute function spy();
      create rule also as on update to tick_history do also nothing;
      create table theirs (a int);
      create trigger spy before insert on theirs for each row execute function spy();
      insert into jobs (id, kind, customer_pubkey, status, started_at) values ('j', 1, 'c', 'failed', 1);
      insert into earnings (id, job_id, amount_msats, source, payment_hash) values
        ('e', 'j', 9007199254740993, 'job', 'h'), ('f', 'j', -1, 'job', 'h');
      insert into earnings (id, amount_msats, source, payment_hash, earned_at) values
        ('lower', 5, 'tip', '${'ab'.repeat(32)}', 1), ('upper', 5, 'tip', '${'AB'.repeat(32)}', 2),
        ('base64', 5, 'tip', '${Buffer.from('ab'.repeat(32), 'hex').toString('base64')}', 3);
      insert into agents (npub, name, lifecycle_state, memory_json) values ('n', 'n', 'active', '{');
      insert into tick_history (agent_npub, tick_number, prompt_tokens, completion_tokens,
        actions_json, cost_sats, duration_ms) values ('n', 1, 0, 0, '[]', 0, 0)`);
    await client.end();
    const { ok, findings } = (await jsonOnServer(other, ['check'], 4)) as {
      ok: boolean;
      findings: { check: string; rows: string[]; mend: string }[];
    };
    expect(ok).toBe(false);
    const byCheck = (check: string) =>
      findings.filter((finding) => finding.check === check).flatMap(({ rows }) => rows);
    expect(byCheck('schema')).toEqual(['index idx_jobs_status is missing']);
    expect(byCheck('paid-jobs').sort()).toEqual(['e', 'f']);
    expect(byCheck('repeated-payments')).toEqual([
      expect.stringMatching(/^[ef]$/),
      'upper',
      'base64',
    ]);
    expect(byCheck('triggers')).toEqual(['spy on agents', 'also on tick_history']);
    expect(byCheck('tick-counts')).toEqual(['n']);
    expect(byCheck('values')).toEqual(expect.arrayContaining(['e', 'f', 'n']));
    for (const { mend } of findings) expect(mend).not.toBe('');
  });

  it.runIf(existsSync('/proc/self/cmdline'))('ps shows no password', async () => {
    const sql = "select pg_sleep(3600), 'cmdline-test'";
    const running = freshPylonDb(['query', sql, '--timeout', '3600', '--db', withPassword(url)]);
    const client = await connection(url);
    const sleeping = "from pg_stat_activity where wait_event = 'PgSleep'";
    while ((await client.query(`select 1 ${sleeping}`)).rowCount === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const lines = commandLines().filter((line) => line.includes('cmdline-test'));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toContain('SECRET');
    await client.query(`select pg_cancel_backend(pid) ${sleeping}`);
    await client.end();
    expect((await running).exitCode).toBe(1);
  });
});

describe('a server that is not there', () => {
  it.each([
    ['CANNOT_OPEN', 1, '127.0.0.1:1'],
    ['INVALID_ARGUMENT', 2, '127.0.0.1:1x'],
  ])('is %s, with no password in stacks', async (code, exitCode, host) => {
    const url = `postgres://u:SECRET@${host}/d?password=SECRET`;
    for (const args of [['info'], ['migrate', 'status'], ['query', 'select 1'], ['check']]) {
      const outcome = await pylonDb([...args, '--debug', '--json', '--db', url]);
      expect(outcome.exitCode).toBe(exitCode);
      expect(JSON.parse(outcome.stderr).error.code).toBe(code);
      withoutSecret(outcome);
    }
  });

  it('is not shown with its password where the command line is wrong', async () => {
    const outcome = withoutSecret(await pylonDb(['postgres://u:SECRET@h/d']));
    expect(outcome.exitCode).toBe(2);
  });
});

/** What `ps` shows of every process. */
function commandLines(): string[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return [readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')];
    } catch {
      // It has ended.
      return [];
    }
  });
}
