// Both sides of a split must mean the same unit: a kernel that takes larger ones would leave work undone, silently.

import { expect, it } from 'vitest';
import { kernelFiles } from '../../kernel-files.js';
import { compileKernels } from './compile-kernels.js';
import * as units from './units.js';

it.each([
  { simd: 'plain', shared: false },
  { simd: 'plain', shared: true },
] as const)('are those of the compiled kernels, $simd, shared: $shared', async ({ simd, shared }) => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65535, shared });
  const { exports } = new WebAssembly.Instance((await compileKernels({ simd, shared }, kernelFiles)).module, {
    env: { memory },
  });
  const numbers = Object.entries(exports).filter(([name]) => name === name.toUpperCase());
  expect(Object.fromEntries(numbers.map(([name, global]) => [name, (global as { value: number }).value]))).toEqual({
    ...units,
  });
});
