/**
 * Work that blocks for long, or that must be stopped from outside: each task runs in a process of
 * its own. Input, reports and output cross the border as structured clones.
 */
export type Task<Input, Report, Output> = (
  input: Input,
  report: (report: Report) => void,
) => Promise<Output>;

/** All tasks by name, loaded where they run. */
export const tasks = {
  snapshot: async () => (await import('./backup/snapshot.js')).snapshot,
  verifyFile: async () => (await import('./backup/verify-file.js')).verifyFile,
  restore: async () => (await import('./restore/restore-task.js')).restore,
  query: async () => (await import('./query/query-task.js')).query,
  vacuum: async () => (await import('./vacuum/vacuum-task.js')).vacuum,
  exportFiles: async () => (await import('./export/export-task.js')).exportFiles,
  repairSchema: async () => (await import('./schema/repair-task.js')).repairSchema,
  check: async () => (await import('./check/check-task.js')).check,
};

export type Tasks = typeof tasks;
export type TaskName = keyof Tasks;
