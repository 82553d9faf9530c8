import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { temporaryFolder } from '../temporary.js';
import { createControl, FailingCalls, type Fault } from './failing-calls.js';
import { buildPreload, failing } from './failing-preload.js';
import { Program } from './program.js';
import { reported } from './table.js';

const preload = buildPreload();
const opener = new Program(join(import.meta.dirname, 'opens-and-writes.ts'));

// Skipped where no C compiler is: there no call of the system can be made to fail.
it.skipIf(preload === undefined)(
  'a file that no descriptor was left for is opened for writing or not at all, whichever open failed',
  async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'pylon.db');
    await (await PylonDb.open(path)).close();
    const control = join(folder, 'control');
    createControl(control);
    const calls = new FailingCalls(control);
    const codes = new Set<string>();
    const fault: Fault = { call: 'open', error: 'EMFILE', file: 'pylon.db' };
    let runs = 0;
    for (let nth = 1; ; nth++) {
      calls.begin({ ...fault, nth, times: 1 });
      const { lines, stderr } = await opener.run([path], failing(preload, control));
      const failed = calls.end();
      expect(lines, stderr).toHaveLength(1);
      if (failed === 0) break;
      runs += 1;
      codes.add(lines[0] ?? '');
    }
    codes.delete('stored');
    expect([...codes]).toEqual(['CANNOT_OPEN']);
    reported('no descriptor left while opening', {
      tried: `${runs} times another open of a file fails once while a database is opened`,
      figure: 'opened for writing, or CANNOT_OPEN',
    });
  },
);
