// Threads that do not come, and a main thread that may not sleep: the results are the same.

import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, it, vi } from 'vitest';
import { kernelFiles } from '../../kernel-files.js';
import { compileKernels } from './compile-kernels.js';
import type { KernelSources } from './kernel-source.js';
import type { CreateWorker } from './thread-worker.js';
import { openWasmBackend, type WasmOptions } from './wasm.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** A product of some thousand numbers, several times, so that threads are up by then; `until` is waited for in the end. */
async function product(options: WasmOptions, until?: () => Promise<unknown>, files: KernelSources = kernelFiles) {
  const backend = await openWasmBackend(files, { deterministic: true, grainWork: 1, ...options });
  const [x, weight, y] = [
    [40, 64],
    [300, 64],
    [40, 300],
  ].map((shape) => backend.allocate('f32', shape));
  for (const tensor of [x, weight])
    backend.write(
      tensor,
      Float32Array.from({ length: tensor.size }, (_, i) => Math.sin(i)),
    );
  for (let i = 0; i < 20; i++) {
    backend.linear(y, x, weight, null);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const values = [...(await backend.read(y))];
  await until?.();
  await backend.dispose();
  return values;
}

it('a thread that cannot start leaves the work to the others, with a warning', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const failures: Promise<unknown>[] = [];
  const createWorker: CreateWorker = () => {
    const worker = new Worker(new URL('./no-such-file.js', import.meta.url));
    failures.push(new Promise((resolve) => worker.once('error', resolve)));
    return worker;
  };
  const values = await product({ threads: 3, createWorker }, () => Promise.all(failures));
  expect(values).toEqual(await product({ threads: 1 }));
  const told = expect.stringMatching(
    /^neuroal: one of 3 threads failed, the others do its work: Cannot find module '.*no-such-file\.js'/,
  );
  expect(warn.mock.calls).toEqual([[told], [told]]);
});

it('a worker of a page that ends without a word is told of on the console', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const plain = readFileSync(kernelFiles.plain());
  const { getBuiltinModule } = process;
  const createWorker: CreateWorker = () => {
    const worker = { postMessage: () => {}, terminate: () => {} };
    return { ...worker, addEventListener: (_: string, hear: (event: object) => void) => void setTimeout(hear, 1, {}) };
  };
  let values: number[];
  try {
    Object.assign(process, { getBuiltinModule: undefined });
    values = await product({ threads: 2, createWorker }, undefined, { plain });
  } finally {
    Object.assign(process, { getBuiltinModule });
  }
  expect(values).toEqual(await product({ threads: 1 }));
  expect(warn.mock.calls).toEqual([['neuroal: one of 2 threads failed, the others do its work: no reason given']]);
});

it('a worker that never answers is not waited for', async () => {
  const createWorker: CreateWorker = () => ({ postMessage: () => {}, terminate: () => {} });
  expect(await product({ threads: 3, createWorker })).toEqual(await product({ threads: 1 }));
});

it('where the main thread may not sleep it looks again and again', async () => {
  const expected = await product({ threads: 1 });
  const sleep = vi.spyOn(Atomics, 'wait').mockImplementation(() => {
    throw new TypeError('Atomics.wait cannot be called in this context');
  });
  expect(await product({ threads: 3 })).toEqual(expected);
  expect(sleep).toHaveBeenCalledTimes(1);
});

it('a build that imports no memory cannot share one', async () => {
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  await expect(compileKernels({ simd: 'plain', shared: true }, { plain: empty })).rejects.toThrow(
    'expected the kernels for plain SIMD beside the program, or as the option kernels, or in neuroal/runtime/inline, ' +
      'got a module that imports no memory of its own, in the wasm backend',
  );
  const { module, shared } = await compileKernels({ simd: 'plain', shared: true }, kernelFiles);
  expect(module).toBeInstanceOf(WebAssembly.Module);
  expect(shared).toBe(true);
});
