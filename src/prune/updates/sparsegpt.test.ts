// SparseGPT against its definition in plain loops on small random layers, and against what it promises: exact counts, dead
// inputs without weights, nothing changed where nothing goes.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../backend/backend.js';
import { createWasmBackend } from '../../backend/wasm/create.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { MaskPolicy } from '../masks.js';
import { SparseGptInput, sparsegpt } from './sparsegpt.js';

/** A share of the weights, or n of every m inputs of a row. */
type SparseGptTarget = { kind: 'share'; sparsity: number } | { kind: 'n:m'; n: number; m: number };

let backend: Backend;
beforeAll(async () => {
  backend = await createWasmBackend({ deterministic: true });
});
afterAll(() => backend.dispose());

const tensor = (shape: number[], values: ArrayLike<number>): Tensor<'f32'> => {
  const t = backend.allocate('f32', shape);
  backend.write(t, Float32Array.from(values));
  return t;
};

interface Layer {
  rows: number;
  n: number;
  weight: ArrayLike<number>;
  /** H, n × n. */
  h: ArrayLike<number>;
}

async function pruned({ rows, n, weight, h }: Layer, target: SparseGptTarget, exact = false): Promise<Float32Array> {
  const [dense, out] = [tensor([rows, n], weight), tensor([rows, n], weight)];
  const input = await inputOf(n, h);
  const rounding = exact ? 'exact' : 'published';
  const [share, policy]: [number, MaskPolicy] =
    target.kind === 'n:m'
      ? [target.n / target.m, { kind: 'n:m', m: target.m, rounding }]
      : [target.sparsity, { kind: 'row', rounding }];
  await sparsegpt(input, out, dense, share, policy);
  const result = await backend.read(out);
  expect(await backend.read(dense)).toEqual(Float32Array.from(weight));
  for (const t of [dense, out]) backend.free(t);
  input.free();
  return result;
}

/** Of H as if it were the Gram matrix of two sequences, which is H. */
async function inputOf(n: number, h: ArrayLike<number>): Promise<SparseGptInput> {
  const gram = backend.allocate('f64', [n, n]);
  backend.write(gram, Float64Array.from(h));
  try {
    return await SparseGptInput.of(backend, gram, 2);
  } finally {
    expect(await backend.read(gram)).toEqual(Float64Array.from(h));
    backend.free(gram);
  }
}

const zeros = (values: ArrayLike<number>) => Array.from(values).filter((v) => v === 0).length;

/** factor·XᵀX of x[tokens, n], in f64. */
function gramOf(x: ArrayLike<number>, n: number, factor: number): Float64Array {
  const h = new Float64Array(n * n);
  for (let t = 0; t < x.length; t += n)
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) h[i * n + j] += factor * x[t + i] * x[t + j];
  return h;
}

/** The definition (§9), one loop for each of its sentences, in f64. */
function asDefined({ rows, n, weight, h }: Layer, target: SparseGptTarget, exact: boolean): Float64Array {
  const [w, a] = [Float64Array.from(weight), Float64Array.from(h)];
  for (let c = 0; c < n; c++) {
    if (a[c * n + c] !== 0) continue;
    a[c * n + c] = 1;
    for (let r = 0; r < rows; r++) w[r * n + c] = 0;
  }
  let trace = 0;
  for (let c = 0; c < n; c++) trace += a[c * n + c];
  for (let c = 0; c < n; c++) a[c * n + c] += (0.01 * trace) / n;
  const u = upperCholesky(gaussJordan(a, n), n);
  const score = (i: number) => w[i] ** 2 / u[(i % n) * n + (i % n)] ** 2;
  const ascending = (positions: number[]) => {
    const scores = new Map(positions.map((i) => [i, score(i)]));
    return positions.sort((p, q) => (scores.get(p) as number) - (scores.get(q) as number));
  };
  const width = target.kind === 'n:m' ? Math.floor(128 / target.m) * target.m : 128;
  for (let from = 0; from < n; from += width) {
    const to = Math.min(n, from + width);
    const gone = new Set<number>();
    if (target.kind === 'share') {
      const block = Array.from(w.keys()).filter((i) => i % n >= from && i % n < to);
      const count = exact
        ? Math.round(rows * to * target.sparsity) - Math.round(rows * from * target.sparsity)
        : Math.floor(block.length * target.sparsity) + 1;
      for (const i of ascending(block).slice(0, count)) gone.add(i);
    }
    for (let c = from; c < to; c++) {
      for (let r = 0; r < rows; r++) {
        if (target.kind === 'n:m' && c % target.m === 0) {
          const group = Array.from({ length: target.m }, (_, k) => r * n + c + k);
          for (const i of ascending(group).slice(0, target.n)) gone.add(i);
        }
        if (!gone.has(r * n + c)) continue;
        const error = w[r * n + c] / u[c * n + c];
        w[r * n + c] = 0;
        for (let j = c + 1; j < n; j++) w[r * n + j] -= error * u[c * n + j];
      }
    }
  }
  return w;
}

function gaussJordan(a: Float64Array, n: number): Float64Array {
  const m = a.slice();
  for (let p = 0; p < n; p++) {
    const pivot = m[p * n + p];
    m[p * n + p] = 1;
    for (let j = 0; j < n; j++) m[p * n + j] /= pivot;
    for (let i = 0; i < n; i++) {
      if (i === p) continue;
      const factor = m[i * n + p];
      m[i * n + p] = 0;
      for (let j = 0; j < n; j++) m[i * n + j] -= factor * m[p * n + j];
    }
  }
  return m;
}

function upperCholesky(a: Float64Array, n: number): Float64Array {
  const u = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = i; j < n; j++) {
      let rest = a[i * n + j];
      for (let k = 0; k < i; k++) rest -= u[k * n + i] * u[k * n + j];
      u[i * n + j] = i === j ? Math.sqrt(rest) : rest / u[i * n + i];
    }
  return u;
}

describe('small random layers', () => {
  const numbers = (length: number) =>
    fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: length, maxLength: length });
  /** Of up to two blocks, with fewer inputs than columns; of the columns, a share as large as `deadShare` is dead. */
  const layers = (deadShare: number): fc.Arbitrary<Layer> =>
    fc
      .record({ rows: fc.integer({ min: 1, max: 5 }), groups: fc.integer({ min: 1, max: 30 }), seed: numbers(40) })
      .map(({ rows, groups, seed }) => {
        const [n, tokens] = [6 * groups, 2 * groups + 3];
        // Drawn numbers, spread without repeating themselves: no two scores are equal.
        const spread = (i: number, k: number) =>
          Math.sin((i + 1) * (k + Math.abs(seed[i % 40])) + seed[(i * 7 + k) % 40]);
        const dead = new Set(seed.flatMap((value, i) => (Math.abs(value) < deadShare ? [(i * 11) % n] : [])));
        const x = Float32Array.from({ length: tokens * n }, (_, i) => (dead.has(i % n) ? 0 : spread(i, 1)));
        const weight = Float32Array.from({ length: rows * n }, (_, i) => spread(i, 2));
        return { rows, n, weight, h: Float32Array.from(gramOf(x, n, 2 / 3)) };
      });
  const targets: fc.Arbitrary<[SparseGptTarget, boolean]> = fc.oneof(
    fc.tuple(
      fc.record({ kind: fc.constant('share' as const), sparsity: fc.double({ min: 0, max: 0.95, noNaN: true }) }),
      fc.boolean(),
    ),
    fc.tuple(
      fc.oneof(
        fc.constant({ kind: 'n:m' as const, n: 1, m: 2 }),
        fc.constant({ kind: 'n:m' as const, n: 2, m: 3 }),
        fc.constant({ kind: 'n:m' as const, n: 3, m: 6 }),
      ),
      fc.constant(false),
    ),
  );

  it('come out as defined', async () => {
    const property = fc.asyncProperty(layers(0.1), targets, async (layer, [target, exact]) => {
      const [got, wanted] = [await pruned(layer, target, exact), asDefined(layer, target, exact)];
      expect(Array.from(got, (v) => v === 0)).toEqual(Array.from(wanted, (v) => v === 0));
      expect(got).toBeAllClose(wanted, 1e-4, 1e-4);
    });
    await fc.assert(property, { numRuns: 100, seed: 1 });
  });

  it('lose exactly their share where exactness is asked for', async () => {
    const shares = fc.double({ min: 0, max: 0.95, noNaN: true });
    const property = fc.asyncProperty(layers(0), shares, async (layer, sparsity) => {
      const got = await pruned(layer, { kind: 'share', sparsity }, true);
      expect(zeros(got)).toBe(Math.round(layer.rows * layer.n * sparsity));
    });
    await fc.assert(property, { numRuns: 100, seed: 1 });
  });

  it('lose n of every m', async () => {
    const property = fc.asyncProperty(layers(0.1), async (layer) => {
      const got = await pruned(layer, { kind: 'n:m', n: 2, m: 3 });
      for (let i = 0; i < got.length; i += 3) expect(zeros(got.subarray(i, i + 3))).toBeGreaterThanOrEqual(2);
    });
    await fc.assert(property, { numRuns: 50, seed: 1 });
  });
});

describe('a layer of 2 × 3', () => {
  const weight = [1, -2, 3, 0.5, 4, -1];
  const h = [2, 1, 0, 1, 2, 0, 0, 0, 0];

  it('stays as it is where nothing goes', async () => {
    const alive = [2, 1, 0, 1, 2, 0, 0, 0, 1];
    expect([...(await pruned({ rows: 2, n: 3, weight, h: alive }, { kind: 'share', sparsity: 0 }, true))]).toEqual(
      weight,
    );
    expect([...(await pruned({ rows: 2, n: 3, weight, h: alive }, { kind: 'n:m', n: 0, m: 3 }))]).toEqual(weight);
  });

  it('loses its least weight at a share of 0, as published', async () => {
    const got = await pruned({ rows: 2, n: 3, weight, h: [2, 1, 0, 1, 2, 0, 0, 0, 1] }, { kind: 'share', sparsity: 0 });
    expect(got.map((v) => (v === 0 ? 0 : 1))).toEqual(Float32Array.of(1, 1, 1, 0, 1, 1));
  });

  it('loses the column of a dead input', async () => {
    expect([...(await pruned({ rows: 2, n: 3, weight, h }, { kind: 'share', sparsity: 0 }, true))]).toEqual([
      1, -2, 0, 0.5, 4, 0,
    ]);
  });

  it('stops with the reason of a signal', async () => {
    const reason = new Error('enough');
    const [dense, out] = [tensor([2, 3], weight), backend.allocate('f32', [2, 3])];
    const policy = { kind: 'row', rounding: 'exact' } as const;
    const stopped = sparsegpt(await inputOf(3, h), out, dense, 0.5, policy, AbortSignal.abort(reason));
    await expect(stopped).rejects.toBe(reason);
  });

  it('is refused where H is not finite', async () => {
    await expect(inputOf(3, [2, 1, 0, 1, Number.NaN, 0, 0, 0, 1])).rejects.toThrow(
      'expected a finite Gram matrix, got NaN, in column 1',
    );
  });
});
