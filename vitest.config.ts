import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They have a run of their own: `npm run test:faults`.
    exclude: ['test/faults/**'],
    typecheck: { enabled: true, include: ['test/types/**/*.test-d.ts'] },
    // Tests start real processes on two shared cores; slowness alone is no failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
