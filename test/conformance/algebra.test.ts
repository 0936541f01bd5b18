// What linear algebra promises for every operand: an inverse times its matrix is the identity, whatever the matrix; the
// columns of SparseGPT lose exactly the weights that sorting the scores picks, however many are equal. Then sizes beyond the
// cases, by a matrix whose inverse is known, and matrices that have none.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, BlockSelection } from '../../src/backend/backend.js';
import { createReferenceBackend } from '../../src/backend/reference/reference.js';
import { BackendError } from '../../src/errors.js';
import { candidates } from './backends.js';

const list = (value: fc.Arbitrary<number>, length: number) => fc.array(value, { minLength: length, maxLength: length });
const square = (n: number, value: (r: number, c: number) => number) =>
  Float64Array.from({ length: n * n }, (_, i) => value(Math.floor(i / n), i % n));
const sumOver = (n: number, term: (k: number) => number) => {
  let sum = 0;
  for (let k = 0; k < n; k++) sum += term(k);
  return sum;
};

/** B·Bᵀ + I, symmetric and positive definite whatever B is. */
const matrices = fc
  .integer({ min: 1, max: 12 })
  .chain((n) => list(fc.double({ min: -1, max: 1, noNaN: true }), n * n))
  .map((b) => {
    const n = Math.sqrt(b.length);
    return { n, values: square(n, (r, c) => (r === c ? 1 : 0) + sumOver(n, (k) => b[r * n + k] * b[c * n + k])) };
  });

/** Numbers full of ties; the sign of a zero is nobody's promise. */
const weights = fc
  .oneof(fc.constantFrom(0, 0.5, -0.5, 1, -1), fc.float({ min: -4, max: 4, noNaN: true }))
  .map((value) => value + 0);

interface Elimination {
  rows: number;
  n: number;
  from: number;
  to: number;
  weight: number[];
  diagonal: number[];
  selection: BlockSelection;
}

/** Nothing above the diagonal of the factor, so that equal scores stay equal. */
const eliminations: fc.Arbitrary<Elimination> = fc
  .record({
    rows: fc.integer({ min: 1, max: 6 }),
    m: fc.integer({ min: 1, max: 9 }),
    groups: list(fc.integer({ min: 0, max: 3 }), 3),
  })
  .chain(({ rows, m, groups: [before, inside, after] }) => {
    const [from, to, n] = [before * m, (before + inside + 1) * m, (before + inside + 1 + after) * m];
    const size = rows * (to - from);
    const selection: fc.Arbitrary<BlockSelection> = fc.oneof(
      fc.record({ kind: fc.constant('layer' as const), rank: fc.integer({ min: 0, max: size - 1 }) }),
      fc.record({ kind: fc.constant('count' as const), prune: fc.integer({ min: 0, max: size }) }),
      fc.record({ kind: fc.constant('n:m' as const), n: fc.integer({ min: 0, max: m }), m: fc.constant(m) }),
    );
    return fc.record({
      rows: fc.constant(rows),
      n: fc.constant(n),
      from: fc.constant(from),
      to: fc.constant(to),
      weight: list(weights, rows * n),
      diagonal: list(fc.constantFrom(0.25, 0.5, 1, 2), n),
      selection,
    });
  });

const tensor = (backend: Backend, shape: number[], values: ArrayLike<number>) => {
  const t = backend.allocate('f32', shape);
  backend.write(t, Float32Array.from(values));
  return t;
};

async function inverted(backend: Backend, n: number, values: Float64Array, ridge: number, form: 'whole' | 'factor') {
  const [matrix, out] = [backend.allocate('f64', [n, n]), backend.allocate('f64', [n, n])];
  try {
    backend.write(matrix, values);
    await backend.invert(out, matrix, ridge, form);
    return await backend.read(out);
  } finally {
    for (const t of [matrix, out]) backend.free(t);
  }
}

async function eliminated(backend: Backend, { rows, n, from, to, weight, diagonal, selection }: Elimination) {
  const w = tensor(backend, [rows, n], weight);
  const u = tensor(
    backend,
    [n, n],
    square(n, (r, c) => (r === c ? diagonal[r] : 0)),
  );
  backend.eliminateColumns(w, u, from, to, selection);
  const result = await backend.read(w);
  for (const t of [w, u]) backend.free(t);
  return result;
}

/** But for what f64 leaves where the condition is no more than that of B·Bᵀ + I above, 145. */
const expectIdentity = (n: number, entry: (r: number, c: number) => number) => {
  for (let r = 0; r < n; r++)
    for (let c = 0; c < n; c++)
      expect(Math.abs(entry(r, c) - (r === c ? 1 : 0)), `entry ${r}, ${c}`).toBeLessThan(1e-13);
};

for (const { name, create, skip } of candidates) {
  describe.skipIf(skip !== undefined)(name, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await create();
    });
    afterAll(() => backend?.dispose());

    it('the inverse times the matrix is the identity', async () => {
      const property = fc.asyncProperty(matrices, async ({ n, values }) => {
        const inverse = await inverted(backend, n, values, 0, 'whole');
        expectIdentity(n, (r, c) => sumOver(n, (k) => values[r * n + k] * inverse[k * n + c]));
      });
      await fc.assert(property, { numRuns: 200, seed: 1 });
    });

    it('the factor is upper triangular, and its square times the matrix is the identity', async () => {
      const property = fc.asyncProperty(matrices, async ({ n, values }) => {
        const u = await inverted(backend, n, values, 0, 'factor');
        const inverse = (r: number, c: number) => sumOver(n, (i) => u[i * n + r] * u[i * n + c]);
        expectIdentity(n, (r, c) => sumOver(n, (k) => inverse(r, k) * values[k * n + c]));
        for (let r = 0; r < n; r++) for (let c = 0; c < r; c++) expect(u[r * n + c]).toBe(0);
        for (let r = 0; r < n; r++) expect(u[r * n + r]).toBeGreaterThan(0);
      });
      await fc.assert(property, { numRuns: 200, seed: 1 });
    });

    // A_ij = 2^−|i−j| is the covariance of x_i = x_i−1/2 + noise: its inverse couples neighbours only.
    // So large that the matrix, its inverse and the workspace fill one of the smallest arenas (./backends.ts) each.
    it.each([450, 520])('the inverse of 2^−|i−j|, %i rows', async (n) => {
      const values = square(n, (r, c) => 2 ** -Math.abs(r - c));
      const ends = (r: number) => r === 0 || r === n - 1;
      const inverse = (r: number, c: number) =>
        r === c ? (ends(r) ? 4 / 3 : 5 / 3) : Math.abs(r - c) === 1 ? -2 / 3 : 0;
      const factor = (r: number, c: number) =>
        r === c ? (r === n - 1 ? 1 : 2 / Math.sqrt(3)) : c === r + 1 ? -1 / Math.sqrt(3) : 0;
      const last = values.slice();
      for (let i = 0; i < n; i++) last[i * n + i] -= 0.25; // and comes back as the ridge
      for (const [form, entry] of [
        ['whole', inverse],
        ['factor', factor],
      ] as const) {
        expect(await inverted(backend, n, values, 0, form)).toBeAllClose(square(n, entry), 1e-14, 0);
        expect(await inverted(backend, n, last, 0.25, form)).toBeAllClose(square(n, entry), 1e-14, 0);
      }
    });

    it.each(['whole', 'factor'] as const)('refuses the %s inverse of what is not positive definite', async (form) => {
      const refused = async (n: number, values: Float64Array, ridge = 0) => {
        const error = await inverted(backend, n, values, ridge, form).catch((e) => e);
        expect(error).toBeInstanceOf(BackendError);
        return error.message as string;
      };
      const row = form === 'whole' ? 1 : 0;
      const saddle = Float64Array.of(1, 2, 2, 1);
      expect(await refused(2, saddle)).toBe(`expected a positive definite matrix, got pivot -3, in row ${row}`);
      expect(await refused(2, saddle, 0.5)).toMatch(/got pivot -1\.1666/); // 1.5 − 4/1.5
      expect(await inverted(backend, 2, saddle, 2, 'whole')).toBeAllClose([3 / 5, -2 / 5, -2 / 5, 3 / 5], 1e-15, 0);
      expect(await refused(1, Float64Array.of(0))).toBe('expected a positive definite matrix, got pivot 0, in row 0');
      const identity = (at: number, value: number) =>
        square(150, (r, c) => (r * 150 + c === at ? value : r === c ? 1 : 0));
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1])
        for (const r of [0, 7, 64, 149])
          expect(await refused(150, identity(r * 150 + r, value))).toBe(
            `expected a positive definite matrix, got pivot ${value}, in row ${r}`,
          );
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const values = identity(140 * 150 + 3, value);
        values[3 * 150 + 140] = value;
        expect(await refused(150, values)).toMatch(
          /^expected a positive definite matrix, got pivot (NaN|-Infinity), in row/,
        );
      }
    });

    it('the columns lose what sorting picks, and no more', async () => {
      const reference = createReferenceBackend();
      const property = fc.asyncProperty(eliminations, async (elimination) => {
        const got = await eliminated(backend, elimination);
        expect(got).toEqual(await eliminated(reference, elimination));
        const { weight, selection } = elimination;
        const gone = got.reduce((count, value, i) => count + (value === 0 && weight[i] !== 0 ? 1 : 0), 0);
        if (selection.kind === 'count') expect(gone).toBeLessThanOrEqual(selection.prune);
        if (selection.kind === 'count' && !weight.includes(0)) expect(gone).toBe(selection.prune);
      });
      await fc.assert(property, { numRuns: 500, seed: 1 });
    });
  });
}
