// The engine of the runtime: kernels in every form in which they may be given, threads, and options that are refused.

import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadModel, type RuntimeOptions } from './index.js';

async function logitsOf(options: RuntimeOptions): Promise<Float32Array> {
  const model = await loadModel(undefined, { deterministic: true, ...options });
  try {
    return await model.logits([1, 5, 9]);
  } finally {
    await model.dispose();
  }
}

describe('the engine', () => {
  it.each<[RuntimeOptions, number]>([
    [{}, 1],
    [{ threads: 2 }, 2],
  ])('%j computes on %i threads', async (options, threads) => {
    const model = await loadModel(undefined, options);
    expect(model.engine.threads).toBe(threads);
    await model.dispose();
  });

  it.each<[string, (plain: Uint8Array) => Promise<RuntimeOptions['kernels']>]>([
    ['bytes', async (plain) => plain],
    ['a module', async (plain) => WebAssembly.compile(plain)],
    ['an answer', async (plain) => new Response(new Uint8Array(plain))],
    [
      'an answer that is compiled while it comes in',
      async (plain) => new Response(new Uint8Array(plain), { headers: { 'content-type': 'application/wasm' } }),
    ],
    ['a place', async () => pathToFileURL('dist/kernels/plain.wasm')],
    ['both builds', async (plain) => ({ plain, relaxed: () => pathToFileURL('dist/kernels/relaxed.wasm') })],
  ])('takes kernels as %s', async (_, kernels) => {
    const given = await kernels(await readFile('dist/kernels/plain.wasm'));
    const expected = await logitsOf({ deterministic: true });
    expect(await logitsOf({ kernels: given })).toEqual(expected);
  });

  it('shares the memory of kernels given as bytes, but not of a compiled module', async () => {
    const plain = await readFile('dist/kernels/plain.wasm');
    for (const [kernels, threads] of [
      [plain, 2],
      [await WebAssembly.compile(plain), 1],
      [() => WebAssembly.compile(plain), 1],
    ] as const) {
      const model = await loadModel(undefined, { kernels, threads: 2 });
      expect(model.engine.threads).toBe(threads);
      await model.dispose();
    }
  });

  it.each<[object, string]>([
    [{ backend: 'cpu' }, 'expected backend to be one of wasm, webgpu, got "cpu"'],
    [{ threads: 0 }, 'expected threads from 1 to 128, got 0'],
    [{ threads: 1.5 }, 'expected threads from 1 to 128, got 1.5'],
    [
      { kernels: '/plain.wasm' },
      'expected kernels as bytes, a Response, a URL or a WebAssembly.Module, or plain and relaxed ones, got "/plain.wasm"',
    ],
    [
      { kernels: null },
      'expected kernels as bytes, a Response, a URL or a WebAssembly.Module, or plain and relaxed ones, got null',
    ],
    [
      { kernels: Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0) },
      'expected the kernels for plain SIMD beside the program, or as the option kernels, or in neuroal/runtime/inline, ' +
        'got kernels of another version, without activate, in the wasm backend',
    ],
    [
      { threads: 3, createWorker: () => undefined },
      "expected a worker for thread 1, got Cannot read properties of undefined (reading 'on'), in createWorker",
    ],
    [{ sparse: 'no' }, 'expected sparse to be true or false, got "no"'],
    [{ prefer: 'beauty' }, 'expected prefer to be one of speed, size, got "beauty"'],
    [
      { kernels: new Uint8Array(8) },
      'expected the kernels for plain SIMD beside the program, or as the option kernels, or in neuroal/runtime/inline, ' +
        'got WebAssembly.compile(): expected magic word 00 61 73 6d, found 00 00 00 00 @+0, in the wasm backend',
    ],
  ])('refuses %j', async (options, message) => {
    await expect(loadModel(undefined, options as RuntimeOptions)).rejects.toThrow(expect.objectContaining({ message }));
  });
});
