// The WebGPU backend beyond the conformance suite (conformance/backends.ts): order of reads, writes and reuse of memory;
// what is larger than a binding; a device that is lost or full; and whole runs beside the CPU's. All skipped where there
// is no adapter, but for what is said then.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.js';
import { openBackend } from '../src/backend/open.js';
import { openGpu } from '../src/backend/open-gpu.js';
import { createWasmBackend } from '../src/backend/wasm/create.js';
import { createWebGpuBackend } from '../src/backend/webgpu/webgpu.js';
import { embeddedFolder } from '../src/checkpoint/embedded.js';
import { openCheckpoint } from '../src/checkpoint/open-checkpoint.js';
import { perplexity } from '../src/evaluate/perplexity.js';
import { loadModel } from '../src/models/load-model.js';
import type { PruneOptions } from '../src/prune/options.js';
import { prune } from '../src/prune/prune.js';
import { ColumnMatrix } from '../src/tensor/column-matrix.js';
import type { Tensor } from '../src/tensor/tensor.js';
import { valuesOf, WEIGHTS_16, type Weights16 } from '../src/tensor/weights16.js';
import { folderWith, removeFolder } from './checkpoint-fixture.js';
import { bits, complaint, resultsOf } from './conformance/case.js';
import { cases } from './conformance/cases.js';
import { mostlyZero } from './conformance/columns.js';
import { generator, mixed } from './conformance/draws.js';
import { Rig } from './conformance/rig.js';
import { models as families, valuesOf as valuesOfSpec } from './golden/tiny-families.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from './golden/tiny-llama.js';
import { noWebGpu, openWebGpu } from './webgpu.js';

/** The device below a backend, which no user sees. */
const deviceOf = (backend: Backend) =>
  (backend as unknown as { gpu: { device: { gpu: GPUDevice & { popErrorScope: unknown } } } }).gpu.device.gpu;

/** Counts the bytes that a backend makes and has not destroyed, from now on. */
function watched(backend: Backend) {
  const device = deviceOf(backend);
  const live = { bytes: 0 };
  const { createBuffer } = device;
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer.call(device, descriptor);
    const { destroy } = buffer;
    live.bytes += descriptor.size;
    buffer.destroy = () => {
      live.bytes -= descriptor.size;
      return destroy.call(buffer);
    };
    return buffer;
  };
  const restore = () => {
    device.createBuffer = createBuffer;
  };
  return { live, restore };
}

const filled = (backend: Backend, size: number, value: number) => {
  const tensor = backend.allocate('f32', [size]);
  backend.fill(tensor, value);
  return tensor;
};

describe.skipIf(noWebGpu)('memory and order', () => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await openWebGpu();
  });
  afterAll(() => backend?.dispose());

  it('a write waits for what reads the buffer before it', async () => {
    const [x, y, z] = [filled(backend, 100, 1), filled(backend, 100, 0), filled(backend, 100, 0)];
    backend.scale(y, x, 3);
    backend.write(x, new Float32Array(100).fill(5));
    backend.scale(z, x, 3);
    expect(await backend.read(y)).toEqual(new Float32Array(100).fill(3));
    expect(await backend.read(z)).toEqual(new Float32Array(100).fill(15));
  });

  it('memory that is freed serves the next tensor while it is still in use', async () => {
    const y = filled(backend, 1000, 0);
    for (let i = 0; i < 400; i++) {
      const x = backend.allocate('f32', [1000]);
      backend.write(x, new Float32Array(1000).fill(i));
      backend.add(y, y, x);
      backend.free(x);
    }
    expect(await backend.read(y)).toEqual(new Float32Array(1000).fill((399 * 400) / 2));
  });

  it('memory beyond what is kept for reuse is given back, once nothing uses it', async () => {
    const { live, restore } = watched(backend);
    const sum = filled(backend, 4, 0);
    const large = Array.from({ length: 10 }, () => backend.allocate('f32', [2 ** 24]));
    expect(live.bytes).toBeGreaterThanOrEqual(640 * 2 ** 20);
    for (const [i, tensor] of large.entries()) {
      const last = tensor.rows(2 ** 24 - 4, 2 ** 24);
      backend.fill(last, i);
      backend.add(sum, sum, last);
      backend.free(tensor);
    }
    expect(live.bytes).toBeGreaterThanOrEqual(640 * 2 ** 20);
    expect(await backend.read(sum)).toEqual(new Float32Array(4).fill(45));
    expect(live.bytes).toBeLessThanOrEqual(514 * 2 ** 20);
    for (let i = 0; i < 3; i++) backend.free(backend.allocate('f32', [2 ** 25 + i * 2 ** 23]));
    expect(live.bytes).toBeLessThanOrEqual(514 * 2 ** 20);
    restore();
  });

  it('reads that are under way together each see their own time', async () => {
    const x = filled(backend, 10, 1);
    const first = backend.read(x);
    backend.scale(x, x, 2);
    const second = backend.read(x);
    backend.fill(x, 7);
    expect([(await first)[0], (await second)[0]]).toEqual([1, 2]);
  });

  it.each(WEIGHTS_16)('weights of %s give the bits that the same numbers in f32 give', async (dtype) => {
    for (const [tokens, rows, columns] of [
      [1, 300, 516],
      [3, 13, 37],
      [65, 66, 130],
    ]) {
      const rig = new Rig(backend, 6);
      const [x, half, wide] = [
        rig.f32([tokens, columns], mixed),
        rig[dtype]([rows, columns]),
        rig.f32([rows, columns]),
      ];
      backend.write(wide, valuesOf(dtype, await backend.read<Weights16>(half)));
      const [narrow, full] = [rig.result([tokens, rows]), rig.result([tokens, rows])];
      backend.linear(narrow, x, half, null);
      backend.linear(full, x, wide, null);
      expect(bits(await rig.read(narrow))).toBe(bits(await rig.read(full)));
      rig.clear();
    }
  });

  it('a large read that fails half-way leaves nothing behind, and the next one works', async () => {
    const x = filled(backend, 2 ** 25, 3);
    const { live, restore } = watched(backend);
    const device = deviceOf(backend);
    const { createBuffer } = device;
    let made = 0;
    device.createBuffer = (descriptor) => {
      if (++made === 2) throw new Error('no more');
      return createBuffer.call(device, descriptor);
    };
    await expect(backend.read(x)).rejects.toThrow(/^expected a result of the GPU, got no more, in /);
    expect([made, live.bytes]).toEqual([2, 0]);
    device.createBuffer = createBuffer;
    restore();
    const values = await backend.read(x);
    expect([values.length, values.every((v) => v === 3)]).toEqual([2 ** 25, true]);
    backend.free(x);
  });

  it('a large read holds two pieces at a time, and sees its own time', async () => {
    const x = filled(backend, 5 * 2 ** 24, 3);
    await backend.read(x.rows(0, 1));
    const { live, restore } = watched(backend);
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, live.bytes);
    }, 1);
    const all = await backend.read(x);
    clearInterval(watch);
    expect([all.length, all.every((v) => v === 3), live.bytes]).toEqual([5 * 2 ** 24, true, 0]);
    expect(most).toBeLessThanOrEqual(2 ** 27);
    for (const overwrite of [() => backend.fill(x, 4), () => backend.write(x.rows(0, 4), new Float32Array(4))]) {
      const before = await backend.read(x.rows(5 * 2 ** 24 - 4, 5 * 2 ** 24));
      const reading = backend.read(x);
      overwrite();
      expect((await reading).every((v) => v === before[0])).toBe(true);
    }
    restore();
    backend.free(x);
  });

  it('opens the backend for inverses again after that has failed, and can be disposed of meanwhile', async () => {
    let opened = 0;
    const openSolver = async () => {
      if (++opened !== 2) throw new Error(`no solver ${opened}`);
      return createWasmBackend({ threads: 1 });
    };
    const invert = (other: Backend) => {
      const matrix = other.allocate('f64', [1, 1]);
      other.write(matrix, Float64Array.of(4));
      return other.invert(matrix, matrix, 0, 'whole').then(() => other.read(matrix));
    };
    const [one, two] = [0, 1].map(async () => createWebGpuBackend({ ...(await openGpu()), openSolver, threads: 1 }));
    await expect(invert(await one)).rejects.toThrow(/^no solver 1$/);
    expect(await invert(await one)).toEqual(Float64Array.of(0.25));
    await expect(invert(await two)).rejects.toThrow(/^no solver 3$/);
    await (await two).dispose();
    await (await one).dispose();
  });

  it.each(WEIGHTS_16)('columns of %s give the bits that the same numbers in f32 give', async (dtype) => {
    for (const [tokens, rows, columns] of [
      [1, 300, 516],
      [3, 13, 37],
      [65, 66, 130],
    ]) {
      const rig = new Rig(backend, 6);
      const x = rig.f32([tokens, columns], mostlyZero);
      const [half, wide] = [rig.columns([rows, columns], dtype), rig.columns([rows, columns], 'f32')];
      const patterns = await backend.read<Weights16>(half.values as Tensor<Weights16>);
      backend.write(wide.values as Tensor<'f32'>, valuesOf(dtype, patterns));
      const [narrow, full] = [rig.result([tokens, rows]), rig.result([tokens, rows])];
      backend.linear(narrow, x, half, null);
      backend.linear(full, x, wide, null);
      expect(bits(await rig.read(narrow))).toBe(bits(await rig.read(full)));
      rig.clear();
    }
  });

  it('refuses a matrix by columns that has been freed', () => {
    const weight = new ColumnMatrix(filled(backend, 12, 1).reshape(4, 3));
    backend.free(weight);
    const [y, x] = [filled(backend, 3, 0).reshape(1, 3), filled(backend, 4, 1).reshape(1, 4)];
    expect(() => backend.linear(y, x, weight, null)).toThrow(
      'expected a tensor of this webgpu backend, got one that has been freed',
    );
    for (const tensor of [x, y]) backend.free(tensor);
  });

  it('gives the same bits again', async () => {
    const some = cases.filter(({ name }) =>
      /^(linear 257 tokens, 65×131$|attention 9 heads|addCross 300.*one|logProbabilities 300)/.test(name),
    );
    expect(some.length).toBeGreaterThan(3);
    for (const test of some)
      expect((await resultsOf(test, backend)).map(bits)).toEqual((await resultsOf(test, backend)).map(bits));
  });

  it('refuses what it did not make, or has freed', () => {
    const x = filled(backend, 4, 0);
    backend.free(x);
    expect(() => backend.fill(x, 1)).toThrow('expected a tensor of this webgpu backend, got one that has been freed');
    const large = 2 ** 52;
    expect(() => backend.allocate('f32', [large])).toThrow(
      /^expected at most \d+ bytes in one buffer of the GPU, got 18014398509481984 for a tensor of f32 \[4503599627370496\], in the webgpu backend \(.+\)$/,
    );
  });
});

describe.skipIf(noWebGpu)('f64', () => {
  const n = 64;
  const random = generator(11);
  /** Bits of every kind: any, near in size, with few ones, whole numbers, what is not finite. */
  const drawn = () => {
    const word = () => Math.floor(random() * 2 ** 32);
    const kind = Math.floor(random() * 6);
    const near = (0x3ff00000 + ((word() & 0x3f) << 20)) | (word() & 0x800fffff);
    if (kind === 0) return new Float64Array(Uint32Array.of(word(), word()).buffer)[0];
    if (kind === 1) return new Float64Array(Uint32Array.of(word(), near).buffer)[0];
    if (kind === 2) return new Float64Array(Uint32Array.of(1 << (word() & 31), near & 0xfff00000).buffer)[0];
    if (kind === 3) return (word() % 9) - 4;
    if (kind === 4) return Math.fround(random() - 0.5) * 2 ** (Math.floor(random() * 100) - 50);
    return [0, -0, 1, -1, Infinity, -Infinity, Number.NaN, 2 ** 1023, 2 ** -1022, 1 + 2 ** -52][word() % 10];
  };
  /** Subnormal numbers are taken for 0. */
  const flushed = (value: number) => (Math.abs(value) < 2 ** -1022 ? value * 0 : value);

  it('sums and products have the bits that JavaScript gives them', async () => {
    const backend = await openWebGpu();
    const f64 = (values: number[]) => {
      const tensor = backend.allocate('f64', [values.length]);
      backend.write(tensor, Float64Array.from(values));
      return tensor;
    };
    for (let round = 0; round < 8; round++) {
      const [a, b] = [0, 1].map(() => Array.from({ length: n * n }, () => flushed(drawn())));
      // Of an entry that is not kept, u becomes x + u.
      const [u, right, kept] = [f64(b), f64(b), backend.allocate('f32', [n * n])];
      backend.fill(kept, 0);
      backend.admmStep(right, u, f64(a), f64(a), kept, 1);
      const sums = a.map((x, i) => flushed(x + b[i] - 0));
      expect(await backend.read(u)).toEqual(Float64Array.from(sums));
      const narrow = backend.allocate('f32', [n * n]);
      backend.admmScores(narrow, f64(a), f64(b));
      expect(await backend.read(narrow)).toEqual(Float32Array.from(sums));
      const products = backend.allocate('f64', [n, n]);
      backend.multiply(products, f64(a.slice(0, n)).reshape(n, 1), f64(b.slice(0, n)).reshape(n, 1));
      const wanted = a.slice(0, n).flatMap((x) => b.slice(0, n).map((y) => 0 + flushed(x * y)));
      expect(await backend.read(products)).toEqual(Float64Array.from(wanted));
    }
    await backend.dispose();
  });
});

describe.skipIf(noWebGpu)('a GPU that fails', () => {
  /** Makes the next buffer one that never was, as a GPU does that has no room for it. */
  function withoutRoom(device: GPUDevice) {
    const { createBuffer, popErrorScope } = device;
    device.createBuffer = (descriptor) => {
      device.createBuffer = createBuffer;
      device.pushErrorScope('validation');
      const buffer = createBuffer.call(device, { ...descriptor, usage: 0xffff });
      void popErrorScope.call(device);
      device.popErrorScope = async () => {
        device.popErrorScope = popErrorScope;
        await popErrorScope.call(device);
        return { message: 'Out of memory\nsomewhere' } as GPUError;
      };
      return buffer;
    };
  }
  const room = 'expected room on the GPU for 1048576 bytes, got Out of memory, in a tensor of f32 [512,512]';

  it('says once what it had no room for, and always where that is used; then it goes on', async () => {
    const backend = await openWebGpu();
    const x = filled(backend, 4, 1);
    expect(await backend.read(x)).toEqual(new Float32Array(4).fill(1));
    withoutRoom(deviceOf(backend) as GPUDevice);
    const none = backend.allocate('f32', [512, 512]);
    await expect(backend.read(x)).rejects.toThrow(room);
    expect(await backend.read(x)).toEqual(new Float32Array(4).fill(1));
    expect(() => backend.fill(none, 1)).toThrow(room);
    await expect(backend.read(none)).rejects.toThrow(room);
    backend.free(none);
    const [again, y] = [backend.allocate('f32', [512, 512]), backend.allocate('f32', [4])];
    backend.fill(again, 2);
    backend.add(y, x, again.reshape(512 * 512).rows(0, 4));
    expect(await backend.read(y)).toEqual(new Float32Array(4).fill(3));
    await backend.dispose();
  });

  it('gives no result of a batch that had a buffer without room, and all others', async () => {
    const backend = await openWebGpu();
    const [x, kept, lost] = [filled(backend, 4, 1), filled(backend, 4, 2), filled(backend, 4, 3)];
    expect(await backend.read(kept)).toEqual(new Float32Array(4).fill(2));
    withoutRoom(deviceOf(backend) as GPUDevice);
    const none = backend.allocate('f32', [512, 512]);
    backend.write(none, new Float32Array(2 ** 18));
    backend.scale(lost, x, 5);
    backend.scale(none, none, 2);
    await expect(backend.read(lost)).rejects.toThrow(room);
    await expect(backend.read(lost)).rejects.toThrow(room);
    expect(() => backend.scale(kept, lost, 2)).toThrow(room);
    backend.scale(x, kept, 3);
    expect(await backend.read(x)).toEqual(new Float32Array(4).fill(6));
    for (const tensor of [none, lost]) backend.free(tensor);
    const fresh = filled(backend, 4, 4);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await backend.read(fresh)).toEqual(new Float32Array(4).fill(4));
    await backend.dispose();
  });

  it('keeps any other error of the GPU', async () => {
    const backend = await openWebGpu();
    const x = filled(backend, 4, 1);
    (deviceOf(backend) as GPUDevice).createBuffer({ size: 4, usage: 0xffff });
    const obeys = /^expected a GPU that obeys, got .+, in the webgpu backend/;
    for (let i = 0; i < 2; i++) await expect(backend.read(x)).rejects.toThrow(obeys);
    await backend.dispose();
  });

  it('says that its device is lost, and does not hang', async () => {
    const backend = await openWebGpu();
    const x = filled(backend, 4, 0);
    deviceOf(backend).destroy();
    await expect(backend.read(x)).rejects.toThrow(/^expected a GPU that goes on, got a lost device: .+, in the webgpu/);
    await backend.dispose();
  });

  it('is dead once disposed of', async () => {
    const backend = await openWebGpu();
    await backend.dispose();
    expect(() => backend.allocate('f32', [1])).toThrow(
      'expected a live backend, got one that is disposed of, in webgpu',
    );
  });
});

describe.skipIf(noWebGpu)('operands larger than a binding', () => {
  const large =
    /^(linear 257 tokens, 300×513$|linear 1 tokens, 300×513 of f16$|linear (1|3) tokens, (300×513|2115×33) by columns of (f32|f16), bias$|linear (1|300) tokens, sparse (300|260)×\d+ of f32, \d+ %$|embed 300 .*bf16|(rms|layer)Norm 300×513$|rope 257.*64|gate silu, 37×129, apart|addColumnSums 300|add(Gram|Cross) 300×(513|129), |logProbabilities 5×|mask (rows, keep|layer|count).*300×513, three.*factors|admmStep of 37×129, some.*whole|multiply 65×600 .*whole|eliminateColumns (layer|count) 5145,.* of 67×131, ties|eliminateColumns 2:4, .* of 64×200, ties)/;
  it('are met in pieces', async () => {
    const backend = await openWebGpu(2 ** 17);
    const some = cases.filter(({ name }) => large.test(name));
    expect(some.length).toBeGreaterThan(15);
    for (const test of some) expect(await complaint(test, await resultsOf(test, backend)), test.name).toBeNull();
    await backend.dispose();
  }, 300_000);
});

describe.skipIf(noWebGpu)('whole runs', () => {
  const windows = { limit: 2, seqLen: 64 };
  let home: string;
  let tiny: string;
  beforeAll(async () => {
    home = await folderWith({ 'windows.json': JSON.stringify(tinyWindows(4, 12)) });
    tiny = await tinyFolder(tinyConfig, tinyTensors(tinyConfig, 3));
  });
  afterAll(() => Promise.all([home, tiny].map(removeFolder)));

  it('the embedded model has the perplexity and the logits that it has on the CPU, whole and token by token', async () => {
    const [gpu, cpu] = [
      await loadModel(embeddedFolder, { backend: 'webgpu' }),
      await loadModel(embeddedFolder, { threads: 1 }),
    ];
    const [got, wanted] = [await perplexity(gpu, undefined, windows), await perplexity(cpu, undefined, windows)];
    expect(Math.abs(got.perplexity / wanted.perplexity - 1)).toBeLessThan(1e-5);
    const ids = Array.from({ length: 40 }, (_, i) => (i * 37) % gpu.config.vocab_size);
    expect(await gpu.logits(ids)).toBeAllClose(await cpu.logits(ids), 1e-3, 0);
    for (const [dtype, closeness] of [
      ['f32', 1e-3],
      ['bf16', 1e-2],
    ] as const) {
      const caches = [gpu.createCache(ids.length, dtype), cpu.createCache(ids.length, dtype)];
      for (let i = 0; i < 5; i++) {
        const some = i === 0 ? ids.slice(0, 20) : [ids[19 + i]];
        expect(await gpu.next(caches[0], some)).toBeAllClose(await cpu.next(caches[1], some), closeness, 0);
      }
      for (const cache of caches) cache.free();
    }
    await Promise.all([gpu.dispose(), cpu.dispose()]);
  });

  it('OPT, whose fc2 is by columns, has the logits that it has on the CPU, whole and token by token', async () => {
    const { config, tensors } = families.opt;
    const made = Object.entries(tensors).map(([name, spec]) => [
      name,
      { shape: spec.shape, values: valuesOfSpec(spec) },
    ]);
    const folder = await tinyFolder(config as never, Object.fromEntries(made));
    try {
      const [gpu, cpu] = [await loadModel(folder, { backend: 'webgpu' }), await loadModel(folder, { threads: 1 })];
      expect(gpu.forms).toEqual(cpu.forms);
      expect(gpu.forms.filter((form) => form.columns)).toHaveLength(3);
      const ids = Array.from({ length: 20 }, (_, i) => (i * 37) % gpu.config.vocab_size);
      expect(await gpu.logits(ids)).toBeAllClose(await cpu.logits(ids), 1e-4, 1e-5);
      const caches = [gpu.createCache(ids.length), cpu.createCache(ids.length)];
      for (const some of [ids.slice(0, 16), [ids[16]], [ids[17]]])
        expect(await gpu.next(caches[0], some)).toBeAllClose(await cpu.next(caches[1], some), 1e-4, 1e-5);
      for (const cache of caches) cache.free();
      await Promise.all([gpu.dispose(), cpu.dispose()]);
    } finally {
      await removeFolder(folder);
    }
  });

  /** Prunes on both; returns the records, and the share of weights that one removed and the other did not. */
  async function onBoth(choice: Omit<PruneOptions, 'out'>) {
    const [out, other] = [join(home, 'gpu'), join(home, 'cpu')];
    const got = await prune({ ...choice, out, force: true, backend: 'webgpu' });
    const wanted = await prune({ ...choice, out: other, force: true, threads: 1, deterministic: true });
    let different = 0;
    const [gpu, cpu] = [await openCheckpoint(out), await openCheckpoint(other)];
    for (const { name, rows, cols } of wanted.layers) {
      const [a, b] = [gpu, cpu].map((folder) => folder.readFloats(`${name}.weight`, [rows, cols]));
      const values = await b;
      different += (await a).reduce((sum, v, i) => sum + Number((v === 0) !== (values[i] === 0)), 0);
    }
    await Promise.all([gpu.close(), cpu.close()]);
    return { got, wanted, different: different / wanted.sparsity.weights };
  }

  // Of fewer tokens than a layer has inputs (352) the Gram matrix is singular but for its damping, and the inverse that SparseGPT
  // needs turns last bits into other masks: it gets 512.
  it.each([
    { method: 'wanda', topUp: 'uniform', pattern: '2:4', samples: 2, seqLen: 64 },
    { method: 'wanda', topUp: 'uniform', sparsity: 0.6, granularity: 'layer', samples: 2, seqLen: 64 },
    { method: 'sparsegpt', topUp: 'uniform', sparsity: 0.5, samples: 4, seqLen: 128 },
  ] as const)('prunes the embedded model as the CPU does: $method, $pattern $granularity', async (choice) => {
    const { got, different } = await onBoth(choice);
    expect(got.engine).toMatchObject({ backend: 'webgpu', simd: 'plain', threads: 1, adapter: expect.any(String) });
    expect(different).toBeLessThan(1e-3);
  });

  it.each([
    { method: 'wanda', topUp: 'neuroal', step: 'both', sparsity: 0.6 },
    { method: 'multiflow', topUp: 'neuroal', step: 'row', sparsity: 0.5 },
    { method: 'wanda', topUp: 'owl', sparsity: 0.6, update: 'admm' },
    { method: 'admm', topUp: 'uniform', pattern: '2:4', targets: 'own' },
    { method: 'wanda', topUp: 'dsnot', sparsity: 0.5 },
  ] as const)('prunes a tiny model as the CPU does: $method, $topUp $update', async (choice) => {
    const calibration = join(home, 'windows.json');
    const { got, wanted, different } = await onBoth({ ...choice, model: tiny, calibration, samples: 4, seqLen: 12 });
    expect(got.search?.lambda).toEqual(wanted.search?.lambda);
    for (const step of ['block', 'row'] as const) {
      const [curve, other] = [got, wanted].map(({ search }) => search?.[step]?.map((c) => c.misalignment) ?? []);
      expect(curve).toBeAllClose(other, 0, 1e-3);
    }
    expect(different).toBeLessThan(1e-3);
  });
});

describe.runIf(noWebGpu)('without an adapter', () => {
  it('one line says what to install, and the rest works', async () => {
    console.warn(`skipped, ${noWebGpu}: webgpu`);
    expect(noWebGpu).toMatch(
      /left out by WEBGPU=none|^expected (the package webgpu for the backend webgpu, got .+|a GPU for the backend webgpu, got no adapter: .*install.*)$/,
    );
    await (await openBackend({ threads: 1 })).dispose();
  });
});
