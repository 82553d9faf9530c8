import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They have a run of their own: `npm run test:faults`.
    exclude: ['test/faults/**'],
    // Two cores, and many tests wait: for a lock, a deadline, a process that they started.
    maxWorkers: 3,
    typecheck: { enabled: true, include: ['test/types/**/*.test-d.ts'] },
    // Saves starting a process for each file: no test leaves anything in its own.
    isolate: false,
    globalSetup: ['test/one-run.ts'],
    // Tests start real processes on two shared cores; slowness alone is no failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
