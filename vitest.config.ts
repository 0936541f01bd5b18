import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const built = (name: string) => ({
  find: new RegExp(`^.*/${name}\\.js$`),
  replacement: fileURLToPath(new URL(`./dist/${name}.js`, import.meta.url)),
});

export default defineConfig({
  // The kernels and the script of a thread lie where the build puts them, and so does what says where they are.
  resolve: { alias: ['kernel-files', 'kernels-inline', 'package-files'].map(built) },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    // Forks, not threads: the tests start worker threads and child processes of their own.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
