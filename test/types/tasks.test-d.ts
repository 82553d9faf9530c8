import { describe, it } from 'vitest';
import { LIBRARY_CHILD, runInChild } from '../../src/backup/child.js';
import type { Tasks } from '../../src/backup/serve-task.js';
import type { BackupTask } from '../../src/backup/snapshot.js';
import type { VerifyTask } from '../../src/backup/verify-file.js';

declare const load: () => Promise<BackupTask['task']>;

describe('a task of a child', () => {
  it('is asked for by its own name, with its own input', async () => {
    const input = { source: undefined, into: '' };
    await runInChild<BackupTask>(LIBRARY_CHILD, 'backup', input, {});
    // @ts-expect-error: another task's name
    await runInChild<BackupTask>(LIBRARY_CHILD, 'backup verify', input, {});
    // @ts-expect-error: another task's input
    await runInChild<BackupTask>(LIBRARY_CHILD, 'backup', { path: '' }, {});
    // @ts-expect-error: not said which
    await runInChild(LIBRARY_CHILD, 'backup', input, {});
  });

  it('is known to its program, under its name', () => {
    ({ backup: load }) satisfies Tasks<BackupTask>;
    // @ts-expect-error: one is missing
    ({ backup: load }) satisfies Tasks<BackupTask | VerifyTask>;
    // @ts-expect-error: another's function
    ({ 'backup verify': load }) satisfies Tasks<VerifyTask>;
  });
});
