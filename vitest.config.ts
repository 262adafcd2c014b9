import { defineConfig } from 'vitest/config';

/**
 * Four projects, slowest last. `unit` and `simulation` need nothing but Node; `integration` and `e2e` use the real Redis, Docker
 * Engine, Git and kubectl that scripts/test.mjs has made sure of.
 *
 * Time limits only end tests that hang. They are far above what a test takes on a busy machine, since no test may
 * depend on how busy that is.
 */
const HANGS_MS = 600_000;

export default defineConfig({
  test: {
    testTimeout: HANGS_MS,
    hookTimeout: HANGS_MS,
    expect: { poll: { timeout: 120_000 } },
    reporters: ['default', './scripts/flaky-reporter.mjs'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/simulation/**', 'test/integration/**', 'test/e2e/**', 'node_modules/**'],
        },
      },
      {
        extends: true,
        test: { name: 'simulation', include: ['test/simulation/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          fileParallelism: false,
          retry: 1,
        },
      },
    ],
  },
});
