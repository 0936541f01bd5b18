import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The kernels lie where the build puts them, and so does what says where they are.
  resolve: {
    alias: [
      { find: /^.*\/kernel-files\.js$/, replacement: fileURLToPath(new URL('dist/kernel-files.js', import.meta.url)) },
    ],
  },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    // Forks, not threads: the tests start worker threads and child processes of their own.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
