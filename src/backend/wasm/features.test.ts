// What the machine is said to offer must be so: the kernels of a build compile exactly where its feature is reported.

import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { kernelFiles } from '../../kernel-files.js';
import { compileKernels } from './compile-kernels.js';
import { createWasmBackend } from './create.js';
import { physicalCores, relaxedSimdSupported, simdSupported } from './features.js';

describe('features', () => {
  it.each(['plain', 'relaxed'] as const)('%s SIMD is supported where its kernels compile', async (simd) => {
    const compiles = await compileKernels({ simd, shared: false }, kernelFiles).then(
      () => true,
      () => false,
    );
    expect(simd === 'plain' ? simdSupported() : relaxedSimdSupported()).toBe(compiles);
  });

  it('every supported Node has SIMD; relaxed SIMD came with Node 22', () => {
    expect(simdSupported()).toBe(true);
    expect(relaxedSimdSupported()).toBe(Number(process.versions.node.split('.')[0]) >= 22);
  });

  it('counts at least one core and no more than this process may use', () => {
    expect(Number.isInteger(physicalCores())).toBe(true);
    expect(physicalCores()).toBeGreaterThanOrEqual(1);
    expect(physicalCores()).toBeLessThanOrEqual(availableParallelism());
    expect(physicalCores()).toBe(physicalCores());
  });
});

describe('the backend says which kernels it took', () => {
  it.each([
    [{ deterministic: true }, 'plain'],
    [{}, relaxedSimdSupported() ? 'relaxed' : 'plain'],
    [{ simd: 'plain' as const }, 'plain'],
  ])('%o', async (options, simd) => {
    const backend = await createWasmBackend(options);
    expect(backend.info).toEqual({ backend: 'wasm', simd, threads: 1 });
    await backend.dispose();
  });

  it.each([0, -1, 1.5, Number.NaN, 129])('and refuses %f threads', async (threads) => {
    await expect(createWasmBackend({ threads })).rejects.toThrow(
      expect.objectContaining({
        message: `expected threads from 1 to 128, got ${threads}`,
      }),
    );
  });

  it.each([1, 2, 3])('and can be disposed of twice (%i threads)', async (threads) => {
    const backend = await createWasmBackend({ threads });
    await backend.dispose();
    await backend.dispose();
    const other = await createWasmBackend({ threads });
    await Promise.all([other.dispose(), other.dispose()]);
  });
});
