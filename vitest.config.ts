import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    // Forks, not threads: the tests start worker threads and child processes of their own.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
