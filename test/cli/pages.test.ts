import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Output } from '../../src/cli/shell/output.js';
import { beforeOption, type Cursor, noteRest } from '../../src/cli/shell/pages.js';
import { temporaryFolder } from '../temporary.js';
import { CLI, json, publishedFile } from './command.js';

const run = promisify(execFile);

/** Keys that another program may have stored. */
const KEYS = [
  '',
  ' ',
  'a b',
  'a,b',
  `it's "quoted" \`date\` $(date) $HOME`,
  '-x',
  '--json',
  '100%',
  '%41',
  'a:b',
  'a\nb\r\tc',
  'a\\b',
  '\u001b[2J\u202eright to left',
  '~*?![]{}()<>|&;#',
  '研究 👩‍🚀',
];

/** What the note under a page says after `--before`. */
async function noted(cursor: Cursor): Promise<string> {
  const settings = { path: '', serverUrl: undefined, json: false, quiet: false, colour: false };
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const page = { rows: [cursor], limit: 1, what: 'jobs' };
    await noteRest(
      new Output(settings),
      page,
      (row) => row,
      async () => [cursor],
    );
    return /--before (.*)\n$/s.exec(String(write.mock.lastCall?.[0]))?.[1] ?? '';
  } finally {
    write.mockRestore();
  }
}

describe('the cursor of a note', () => {
  it('is one plain word for a shell, and gives the row that it was made of', async () => {
    const key = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...KEYS));
    const position = fc.maxSafeInteger().map((integer) => integer + 0);
    await fc.assert(
      fc.asyncProperty(position, key, async (position, key) => {
        const text = await noted({ position, key });
        expect(text).toMatch(/^[\w:.,@+=%/-]+$/);
        expect(beforeOption().parseArg?.(text, undefined)).toEqual({ position, key });
      }),
    );
  });

  it('leads a shell through every row, whatever ids and times others stored', async () => {
    const path = publishedFile(temporaryFolder());
    const db = new Database(path);
    db.exec('delete from earnings; delete from jobs; delete from tick_history');
    const job = db.prepare(
      "insert into jobs (id, kind, customer_pubkey, status, started_at, created_at) values (?, 1, 'c', 'pending', 0, ?)",
    );
    const earning = db.prepare(
      "insert into earnings (id, amount_msats, source, earned_at) values (?, 1, 'tip', ?)",
    );
    const tick = db.prepare(
      'insert into tick_history (id, agent_npub, tick_number) values (?, (select min(npub) from agents), ?)',
    );
    for (const [i, key] of KEYS.entries()) {
      const time = i % 2 === 0 ? -i : 9_007_199_254_740_991;
      job.run(key, time);
      earning.run(key, time);
      tick.run(i % 3 === 0 ? -i : i, time);
    }
    const npub = db.prepare<[], string>('select min(npub) from agents').pluck().get() ?? '';
    db.close();
    for (const [list, limit] of [
      ['jobs', 1],
      ['earnings', 5],
      [`ticks ${npub}`, 5],
    ] as const) {
      const seen: unknown[] = [];
      let more = '';
      do {
        const line = `node ${CLI} ${list} --limit ${limit} --json --db ${path} ${more}`;
        const { stdout, stderr } = await run('sh', ['-c', line]);
        seen.push(...JSON.parse(stdout));
        more = /--before .*/.exec(stderr)?.[0] ?? '';
      } while (more !== '');
      expect(seen).toEqual(await json([...list.split(' '), '--limit', '100', '--db', path]));
      expect(seen).toHaveLength(KEYS.length);
    }
  });
});
