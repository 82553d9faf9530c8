import { defineConfig } from 'vitest/config';
import { isOnPglite } from './test/postgres/global-setup.js';

/** What is written once and holds on every engine; what doesn't is in `*.sqlite.test.ts` beside it. */
const EVERY_ENGINE = [
  'test/{jobs,earnings,agents,queries}/*.test.ts',
  'test/migrate/{broken-migrations,redo}.test.ts',
  'test/engine/{close,errors,kysely-handle,foreign-triggers,foreign-triggers-property,outer-handle,raw-queries,stack-traces,transaction}.test.ts',
];

const NEEDS_SERVER = ['test/postgres/**/*.test.ts', 'test/docs/fleet.test.ts'];

const EVERY_PROJECT = {
  setupFiles: ['test/bundled-children.ts'],
  // Saves starting a process for each file: no test leaves anything in its own.
  isolate: false,
  // In ms. They only end what hangs: on a busy machine a test of one minute takes several, and
  // slowness is not a failure.
  testTimeout: 600_000,
  hookTimeout: 600_000,
};

export default defineConfig({
  test: {
    // Two cores, and many tests wait: for a lock, a deadline, a process that they started.
    maxWorkers: 5,
    // Once for all projects.
    globalSetup: ['test/one-run.ts'],
    projects: [
      {
        test: {
          ...EVERY_PROJECT,
          name: 'sqlite',
          include: ['test/**/*.test.ts'],
          // Faults have a run of their own: `npm run test:faults`.
          exclude: ['test/faults/**', ...NEEDS_SERVER],
          // Only these and what they import: `npm run check` checks the types of all else.
          typecheck: {
            enabled: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: 'test/types/tsconfig.json',
          },
        },
      },
      {
        test: {
          ...EVERY_PROJECT,
          name: isOnPglite() ? 'PGlite' : 'postgres',
          include: [...EVERY_ENGINE, ...NEEDS_SERVER],
          exclude: [
            '**/*.sqlite.test.ts',
            // The command connects by itself, and PGlite has one session.
            ...(isOnPglite() ? ['test/migrate/redo.test.ts'] : []),
          ],
          globalSetup: ['test/postgres/prepare-cluster.ts', 'test/postgres/global-setup.ts'],
        },
      },
    ],
  },
});
