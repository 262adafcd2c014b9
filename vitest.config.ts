import { defineConfig } from 'vitest/config';

/**
 * Four projects, slowest last. `unit` and `simulation` need nothing but Node; `integration` and `e2e` use the real Redis, Docker
 * Engine, Git and kubectl that scripts/test.mjs has made sure of.
 *
 * Time limits only end tests that hang. They are far above what a test takes on a busy machine, since no test may
 * depend on how busy that is.
 */
const HANGS_MS = 600_000;

/**
 * Tests on the real Engine mostly wait for it, so two files at a time use a machine well. Every test has a cluster,
 * ports and pod addresses of its own. More at a time would only queue at the Engine.
 */
const ON_THE_ENGINE = { maxWorkers: 2, sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    testTimeout: HANGS_MS,
    hookTimeout: HANGS_MS,
    // Vitest would leave one core out, which is half of a small machine.
    maxWorkers: '100%',
    expect: { poll: { timeout: 120_000 } },
    reporters: ['default', './scripts/flaky-reporter.mjs'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // The modules are loaded once a worker, not once a file: tests change nothing outside themselves.
          isolate: false,
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
          ...ON_THE_ENGINE,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          ...ON_THE_ENGINE,
          retry: 1,
        },
      },
    ],
  },
});
