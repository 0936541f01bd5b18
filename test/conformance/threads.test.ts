// With `deterministic` the number of threads must not show: work is divided, sums are not. And a token's row must not
// depend on how many tokens come with it, or generating would drift from evaluating.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { createWasmBackend } from '../../src/backend/wasm/create.js';
import type { SparseValues } from '../../src/tensor/sparse-matrix.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { valuesOf, WEIGHTS_16, type Weights16 } from '../../src/tensor/weights16.js';
import { algebraCases } from './algebra.js';
import { attentionCases } from './attention.js';
import { bits, resultsOf } from './case.js';
import { columnCases, mostlyZero } from './columns.js';
import { mixed, normal } from './draws.js';
import { elementwiseCases } from './elementwise.js';
import { int8Cases } from './int8.js';
import { layerCases } from './layers.js';
import { linearsCases } from './linears.js';
import { measureCases } from './measures.js';
import { pruningCases } from './pruning.js';
import { Rig } from './rig.js';
import { sparseCases } from './sparse.js';
import { updateCases } from './updates.js';

const backends: Backend[] = [];
beforeAll(async () => {
  for (const threads of [1, 2, 4])
    backends.push(await createWasmBackend({ threads, deterministic: true, grainWork: 1 }));
});
afterAll(async () => {
  for (const backend of backends) await backend.dispose();
});

describe('1, 2 and 4 threads give the same bits', () => {
  const cases = [
    layerCases,
    linearsCases,
    int8Cases,
    sparseCases,
    columnCases,
    elementwiseCases,
    attentionCases,
    measureCases,
    pruningCases,
    updateCases,
    algebraCases,
  ].flat();
  for (const test of cases) {
    it(test.name, async () => {
      const [one, ...more] = await Promise.all(backends.map((backend) => resultsOf(test, backend)));
      for (const other of more) expect(other.map(bits)).toEqual(one.map(bits));
    });
  }
});

describe('linear gives a token the same bits alone and among others', () => {
  it.each([
    [7, 13, 37],
    [7, 300, 513],
    [65, 64, 128],
    [2, 1037, 520],
    [2, 1037, 528],
  ])('%i tokens, %i×%i', async (tokens, rows, columns) => {
    for (const backend of backends) {
      const rig = new Rig(backend, 5);
      const [x, weight, bias] = [rig.f32([tokens, columns], mixed), rig.f32([rows, columns]), rig.f32([rows])];
      const [together, alone] = [rig.result([tokens, rows]), rig.result([tokens, rows])];
      backend.linear(together, x, weight, bias);
      for (let t = 0; t < tokens; t++) backend.linear(alone.rows(t, t + 1), x.rows(t, t + 1), weight, bias);
      expect(bits(await rig.read(together))).toBe(bits(await rig.read(alone)));
      rig.clear();
    }
  });
});

describe.each(WEIGHTS_16)('linear with weights of %s gives the bits that the same numbers in f32 give', (dtype) => {
  it.each([
    [1, 13, 37],
    [1, 300, 516],
    [1, 1037, 520],
    [1, 1037, 528],
    [5, 300, 513],
    [65, 66, 130],
    [257, 37, 600],
  ])('%i tokens, %i×%i', async (tokens, rows, columns) => {
    for (const backend of backends) {
      const rig = new Rig(backend, 6);
      const [x, half, wide] = [
        rig.f32([tokens, columns], mixed),
        rig[dtype]([rows, columns]),
        rig.f32([rows, columns]),
      ];
      backend.write(wide, valuesOf(dtype, await backend.read<Weights16>(half)));
      const [narrow, full] = [rig.result([tokens, rows]), rig.result([tokens, rows])];
      const bias = rig.f32([rows]);
      backend.linear(narrow, x, half, bias);
      backend.linear(full, x, wide, bias);
      expect(bits(await rig.read(narrow))).toBe(bits(await rig.read(full)));
      rig.clear();
    }
  });
});

describe('linear with weights of int8 gives a token the same bits alone and among others', () => {
  it.each([
    [7, 13, 37],
    [17, 300, 1031],
    [33, 66, 128],
  ])('%i tokens, %i×%i', async (tokens, rows, columns) => {
    for (const backend of backends) {
      const rig = new Rig(backend, 5);
      const [x, weight, bias] = [rig.f32([tokens, columns], mixed), rig.int8([rows, columns]), rig.f32([rows])];
      const [together, alone] = [rig.result([tokens, rows]), rig.result([tokens, rows])];
      backend.linear(together, x, weight, bias);
      for (let t = 0; t < tokens; t++) backend.linear(alone.rows(t, t + 1), x.rows(t, t + 1), weight, bias);
      expect(bits(await rig.read(together))).toBe(bits(await rig.read(alone)));
      rig.clear();
    }
  });
});

describe('a sparse linear gives a token the same bits alone and among others', () => {
  it.each([
    [7, 13, 37, 'f32'],
    [37, 300, 513, 'bf16'],
    [75, 130, 300, 'f32'],
    [75, 130, 300, 'int8'],
    [40, 5, 16520, 'int8'],
    [40, 5, 16520, 'f32'],
    [40, 140, 3000, 'bf16', 0.002],
  ] as [number, number, number, SparseValues, number?][])(
    '%i tokens, %i×%i of %s',
    async (tokens, rows, columns, values, share = 0.3) => {
      for (const backend of backends) {
        const rig = new Rig(backend, 5);
        // Every third row has twice as many, every seventh none.
        const of = (row: number) => (row % 7 === 3 ? 0 : row % 3 === 1 ? 2 * share : share);
        const sparse = rig.sparse([rows, columns], values, (random, i) =>
          random() < of(Math.floor(i / columns)) ? mixed(random, i) : 0,
        );
        const [x, bias] = [rig.f32([tokens, columns], mixed), rig.f32([rows])];
        const [together, alone] = [rig.result([tokens, rows]), rig.result([tokens, rows])];
        backend.linear(together, x, sparse, bias);
        for (let t = 0; t < tokens; t++) backend.linear(alone.rows(t, t + 1), x.rows(t, t + 1), sparse, bias);
        expect(bits(await rig.read(together))).toBe(bits(await rig.read(alone)));
        rig.clear();
      }
    },
  );
});

describe.each(['f32', ...WEIGHTS_16] as const)('linear by columns of %s', (dtype) => {
  it.each([
    [7, 13, 37],
    [2, 300, 513],
    [37, 300, 513],
    [3, 2100, 40],
  ])(
    'gives a token the same bits alone and among others, and those of f32: %i tokens, %i×%i',
    async (tokens, rows, columns) => {
      for (const backend of backends) {
        const rig = new Rig(backend, 5);
        const [x, bias] = [rig.f32([tokens, columns], mostlyZero), rig.f32([rows])];
        const weight = rig.columns([rows, columns], dtype);
        const wide = rig.columns([rows, columns], 'f32');
        if (dtype !== 'f32')
          backend.write(
            wide.values as Tensor<'f32'>,
            valuesOf(dtype, await backend.read<Weights16>(weight.values as Tensor<Weights16>)),
          );
        const [together, alone] = [rig.result([tokens, rows]), rig.result([tokens, rows])];
        backend.linear(together, x, weight, bias);
        for (let t = 0; t < tokens; t++) backend.linear(alone.rows(t, t + 1), x.rows(t, t + 1), weight, bias);
        expect(bits(await rig.read(together))).toBe(bits(await rig.read(alone)));
        if (dtype !== 'f32') {
          backend.linear(alone, x, wide, bias);
          expect(bits(await rig.read(together))).toBe(bits(await rig.read(alone)));
        }
        rig.clear();
      }
    },
  );
});

describe('attention gives a query the same bits alone and among others', () => {
  it.each([
    { window: null, softcap: null },
    { window: 30, softcap: null },
    { window: 64, softcap: 2 },
    { window: 90, softcap: null },
  ])('window $window, cap $softcap', async (extras) => {
    const [T, heads, kvHeads, headDim] = [150, 4, 2, 12];
    const shape = { heads, kvHeads, headDim, sequences: 1, scale: 0.5, ...extras };
    for (const backend of backends) {
      const rig = new Rig(backend, 6);
      const [q, k, v] = [
        rig.f32([T, heads * headDim]),
        rig.f32([T, kvHeads * headDim]),
        rig.f32([T, kvHeads * headDim]),
      ];
      const [together, alone] = [rig.result([T, heads * headDim]), rig.result([T, heads * headDim])];
      backend.attention(together, q, k, v, { ...shape, queries: T, keys: T });
      for (let t = 0; t < T; t++) {
        const seen = { ...shape, queries: 1, keys: t + 1 };
        backend.attention(alone.rows(t, t + 1), q.rows(t, t + 1), k.rows(0, t + 1), v.rows(0, t + 1), seen);
      }
      expect(bits(await rig.read(together))).toBe(bits(await rig.read(alone)));
      rig.clear();
    }
  });
});

it('attention gives a query the same bits in whatever pieces a prompt comes', async () => {
  const shapes = fc.record({
    pieces: fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 90 })), {
      minLength: 1,
      maxLength: 6,
    }),
    headDim: fc.constantFrom(1, 2, 3, 5, 6, 7, 8, 12, 21, 32, 40, 64, 80),
    groups: fc.constantFrom([1, 1], [3, 3], [2, 1], [4, 1], [10, 2]),
    window: fc.option(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 200 }))),
    softcap: fc.option(fc.constant(3)),
    keysOf: fc.constantFrom('f32', 'bf16'),
  });
  await fc.assert(
    fc.asyncProperty(shapes, async ({ pieces, headDim, groups: [heads, kvHeads], window, softcap, keysOf }) => {
      const backend = backends[1];
      const rig = new Rig(backend, 7);
      const T = pieces.reduce((a, b) => a + b, 0);
      const shape = { heads, kvHeads, headDim, sequences: 1, scale: headDim ** -0.5, window, softcap };
      const q = rig.f32([T, heads * headDim], normal);
      const [k, v] = [rig[keysOf]([T, kvHeads * headDim]), rig[keysOf]([T, kvHeads * headDim])];
      const [together, apart] = [rig.result([T, heads * headDim]), rig.result([T, heads * headDim])];
      backend.attention(together, q, k, v, { ...shape, queries: T, keys: T });
      let seen = 0;
      for (const queries of pieces) {
        const keys = seen + queries;
        const rows = [apart.rows(seen, keys), q.rows(seen, keys), k.rows(0, keys), v.rows(0, keys)] as const;
        backend.attention(...rows, { ...shape, queries, keys });
        seen = keys;
      }
      expect(bits(await rig.read(apart))).toBe(bits(await rig.read(together)));
      rig.clear();
    }),
    { numRuns: 100 },
  );
});
