import { defineConfig } from 'vitest/config';
import { FaultTable } from './test/faults/table-reporter.js';

/** `npm run test:faults`: real processes that are killed, starved and lied to. */
export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    reporters: ['default', new FaultTable()],
    // Two cores, and the processes that every test starts also wait.
    maxWorkers: 3,
    globalSetup: ['test/one-run.ts', 'test/postgres/prepare-cluster.ts'],
    // In ms. They only end what hangs: slowness is not a failure.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
