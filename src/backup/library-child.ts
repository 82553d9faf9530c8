import type { RepairTask } from '../migrate/own-schema-repair.js';
import { serveTask, type Tasks } from './serve-task.js';
import type { BackupTask } from './snapshot.js';
import type { VerifyTask } from './verify-file.js';

serveTask({
  backup: async () => (await import('./snapshot.js')).snapshot,
  'backup verify': async () => (await import('./verify-file.js')).verifyFile,
  'schema repair': async () => (await import('../migrate/own-schema-repair.js')).repairSchema,
} satisfies Tasks<BackupTask | VerifyTask | RepairTask>);
