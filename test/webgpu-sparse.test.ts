// Sparse matrices of the WebGPU backend after their entries have been moved to memory of their size, which is how a loaded
// model meets them: in the conformance suite they are multiplied before. And what may happen to them meanwhile.

import { describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.js';
import { SPARSE_VALUES, type SparseMatrix } from '../src/tensor/sparse-matrix.js';
import { type Case, complaint } from './conformance/case.js';
import { cases } from './conformance/cases.js';
import { mixed, seedOf } from './conformance/draws.js';
import { Rig } from './conformance/rig.js';
import { noWebGpu, openWebGpu } from './webgpu.js';

/** What of a matrix and of a backend no user sees. */
interface Inside {
  short: boolean;
  parts: { from: number; to: number; entries: { size: number } }[];
}
const deviceOf = (backend: Backend) =>
  (backend as unknown as { gpu: { device: { gpu: { popErrorScope: unknown } } } }).gpu.device.gpu;
const bufferOf = (tensor: { storage: unknown }) => (tensor.storage as { held: { id: number } }).held.id;

const tick = () => new Promise((resolve) => setTimeout(resolve, 2));

/** Waits until every part of a matrix takes as much memory as its entries need. */
async function moved({ storage, columns }: SparseMatrix): Promise<void> {
  const { short, parts } = storage as unknown as Inside;
  const before = ({ from, to }: { from: number; to: number }) => (to - from) * columns * (short ? 1 : 2);
  while (!parts.every((part) => part.entries.size < before(part))) await tick();
}

/** Runs a case, whose products wait until its matrices have been moved. */
async function resultsOnceMoved(test: Case, backend: Backend) {
  const matrices: SparseMatrix[] = [];
  const products: (() => void)[] = [];
  const late = new Proxy(backend, {
    get(target, name) {
      if (name === 'linear')
        return (...operands: Parameters<Backend['linear']>) => products.push(() => target.linear(...operands));
      if (name === 'compress')
        return (...operands: Parameters<Backend['compress']>) => {
          const matrix = target.compress(...operands);
          matrices.push(matrix);
          return matrix;
        };
      const member = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const rig = new Rig(late, seedOf(test.name));
  try {
    const results = await test.run(rig);
    const bytes = matrices.map(({ storage }) => storage.bytes);
    for (const matrix of matrices) await moved(matrix);
    for (const [i, { storage }] of matrices.entries()) expect(storage.bytes).toBeLessThan(bytes[i]);
    for (const product of products) product();
    return await Promise.all(results.map((tensor) => rig.read(tensor)));
  } finally {
    rig.clear();
  }
}

describe.skipIf(noWebGpu)('a sparse matrix that takes no more memory than it needs', () => {
  const some = cases.filter(({ name }) =>
    /^linear .*sparse (3×5|300×513|131×257|4×256|13×37|128×256|260×258|30×300|9×11) .*(bias|rows)/.test(name),
  );

  it.each(SPARSE_VALUES)(
    'has the products that it had, of %s',
    async (values) => {
      const own = some.filter(({ name }) => name.includes(` of ${values}`));
      expect(own.length).toBeGreaterThan(9);
      const backend = await openWebGpu();
      for (const test of own)
        expect(await complaint(test, await resultsOnceMoved(test, backend)), test.name).toBeNull();
      await backend.dispose();
    },
    60_000,
  );

  it.each(SPARSE_VALUES)(
    'has them too where it is in parts, of %s',
    async (values) => {
      const own = some.filter(({ name }) => name.includes(` of ${values}`));
      const backend = await openWebGpu(2 ** 17);
      for (const test of own)
        expect(await complaint(test, await resultsOnceMoved(test, backend)), test.name).toBeNull();
      await backend.dispose();
    },
    60_000,
  );
});

describe.skipIf(noWebGpu)('a sparse matrix that is about to be moved', () => {
  const compressed = (rig: Rig) => rig.sparse([100, 300], 'f32', (random, i) => (i % 3 === 0 ? mixed(random, i) : 0));

  it('can be freed: its memory serves again, once', async () => {
    const backend = await openWebGpu();
    const rig = new Rig(backend, 1);
    const matrix = compressed(rig);
    const { parts } = matrix.storage as unknown as {
      parts: { starts: { storage: unknown }; entries: { size: number; storage: unknown } }[];
    };
    const [{ entries }] = parts;
    backend.free(matrix);
    for (let i = 0; i < 20; i++) await tick();
    await backend.read(backend.allocate('f32', [1]));
    expect(parts[0].entries).toBe(entries);
    const next = [1, 2, 3].map(() => bufferOf(backend.allocate('i32', [entries.size])));
    expect(next).toContain(bufferOf(entries));
    expect(new Set(next).size).toBe(3);
    await backend.dispose();
  });

  it('can be disposed of with its backend', async () => {
    const backend = await openWebGpu();
    compressed(new Rig(backend, 1));
    await backend.dispose();
    for (let i = 0; i < 20; i++) await tick();
    expect(() => backend.allocate('f32', [1])).toThrow('got one that is disposed of');
  });

  it('stays where it is if there is no room beside it', async () => {
    const backend = await openWebGpu();
    const rig = new Rig(backend, 1);
    const weight = backend.allocate('f32', [100, 300]);
    const values = Float32Array.from({ length: 30000 }, (_, i) => (i % 3 === 0 ? i % 7 : 0));
    backend.write(weight, values);
    const device = deviceOf(backend);
    const matrix = backend.compress(weight, 'f32');
    const { bytes } = matrix.storage;
    let refused = 0;
    device.popErrorScope = async () => {
      refused++;
      return { message: 'Out of memory' };
    };
    while (refused === 0) await tick();
    for (let i = 0; i < 5; i++) await tick();
    delete device.popErrorScope;
    expect(matrix.storage.bytes).toBe(bytes);
    const [x, y, wanted] = [rig.f32([3, 300]), rig.result([3, 100]), rig.result([3, 100])];
    backend.linear(y, x, matrix, null);
    backend.linear(wanted, x, weight, null);
    expect((await rig.read(y)).values).toBeAllClose((await rig.read(wanted)).values, 1e-4, 1e-5);
    await backend.dispose();
  });
});
