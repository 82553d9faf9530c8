import { programNextTo } from './child.js';

/** What the library does in a process of its own. */
export const LIBRARY_CHILD = {
  path: programNextTo(import.meta.url, 'library-child'),
  tasks: {
    snapshot: {
      command: 'backup',
      load: async () => (await import('./snapshot.js')).snapshot,
    },
    verifyFile: {
      command: 'backup verify',
      load: async () => (await import('./verify-file.js')).verifyFile,
    },
    repairSchema: {
      command: 'schema repair',
      load: async () => (await import('../migrate/own-schema-repair.js')).repairSchema,
    },
  },
};
