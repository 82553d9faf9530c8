import { programNextTo } from '../../backup/child.js';

/** What commands do in a process of their own. */
export const COMMAND_CHILD = {
  path: programNextTo(import.meta.url, 'command-child'),
  tasks: {
    restore: {
      command: 'restore',
      load: async () => (await import('../restore/task.js')).restore,
    },
    query: {
      command: 'query',
      load: async () => (await import('../query/task.js')).query,
    },
    vacuum: {
      command: 'vacuum',
      load: async () => (await import('../vacuum/task.js')).vacuum,
    },
    exportFiles: {
      command: 'export',
      load: async () => (await import('../export/task.js')).exportFiles,
    },
    check: {
      command: 'check',
      load: async () => (await import('../check/task.js')).check,
    },
  },
};
