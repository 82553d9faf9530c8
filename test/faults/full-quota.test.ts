import { join } from 'node:path';
import { expect, it } from 'vitest';
import { valueOutside } from '../engine/outside.js';
import { temporaryFolder } from '../temporary.js';
import { createControl } from './failing-calls.js';
import { buildPreload, failing } from './failing-preload.js';
import { Program } from './program.js';

const preload = buildPreload();
const writer = new Program(join(import.meta.dirname, 'commit-fails-writer.ts'));

it.skipIf(preload === undefined)(
  'a quota that is used up is a full disk, and nothing of the call is stored after a crash',
  async () => {
    const folder = temporaryFolder();
    const [path, control] = [join(folder, 'pylon.db'), join(folder, 'control')];
    createControl(control);
    const fault = JSON.stringify({ call: 'write', error: 'EDQUOT', file: 'pylon.db' });
    const way = 'a unit of several statements';
    const { lines, stderr } = await writer.run(
      [path, control, way, fault],
      failing(preload, control),
    );
    expect(lines, stderr).toHaveLength(1);
    const { ends } = JSON.parse(lines[0] ?? '');
    for (const [id, end] of Object.entries(ends)) {
      expect(end).toBe('DISK_FULL');
      const isStored = `select count(*) from jobs where id = '${id}' and status = 'completed'`;
      expect(valueOutside(path, isStored)).toBe(0);
    }
  },
);
