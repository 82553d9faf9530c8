import { serveTask, type Tasks } from '../../backup/serve-task.js';
import type { CheckTask } from '../check/task.js';
import type { ExportTask } from '../export/task.js';
import type { QueryTask } from '../query/task.js';
import type { RestoreTask } from '../restore/task.js';
import type { VacuumTask } from '../vacuum/task.js';

serveTask({
  restore: async () => (await import('../restore/task.js')).restore,
  query: async () => (await import('../query/task.js')).query,
  vacuum: async () => (await import('../vacuum/task.js')).vacuum,
  export: async () => (await import('../export/task.js')).exportFiles,
  check: async () => (await import('../check/task.js')).check,
} satisfies Tasks<RestoreTask | QueryTask | VacuumTask | ExportTask | CheckTask>);
