import { join } from 'node:path';
import { expect, it } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { readOutside, valueOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';
import { Program } from './program.js';
import { reported } from './table.js';

const opener = new Program(join(import.meta.dirname, 'opens-at-once.ts'));
const PROCESSES = 8;
const ROUNDS = 20;

const numbers = (end: number) => Array.from({ length: end }, (_, i) => i);

it(`${PROCESSES} processes open a new file at the same moment, ${ROUNDS} times`, async () => {
  const folder = temporaryFolder();
  const ends = await Promise.all(
    numbers(PROCESSES).map((self) => opener.run([folder, self, PROCESSES, ROUNDS])),
  );
  const lines = numbers(ROUNDS).map((round) => JSON.stringify({ round }));
  for (const end of ends) expect(end).toMatchObject({ exitCode: 0, stderr: '', lines });

  for (const round of numbers(ROUNDS)) {
    const path = join(folder, `round-${round}.db`);
    expect(readOutside(path, 'select name from migrations order by id')).toEqual(
      [...Object.keys(migrations), '002_service'].map((name) => ({ name })),
    );
    expect(valueOutside(path, 'select count(*) from runs')).toBe(1);
    expect(valueOutside(path, 'select count(*) from jobs')).toBe(PROCESSES);
    const pending = "select count from pylon_db_job_totals where status = 'pending'";
    expect(valueOutside(path, pending)).toBe(PROCESSES);
    expect(valueOutside(path, 'pragma integrity_check')).toBe('ok');
  }
  reported('many first opens', {
    tried: `${PROCESSES} processes open a new file at once, ${ROUNDS} times`,
    figure: 'each migration ran once; every process could write',
  });
});
