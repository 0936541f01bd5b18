// Squared singular values by what they are: a spectrum known in closed form, power sums of small matrices of every shape, what
// PyTorch finds (reference-cases.json, made by make_reference_cases.py).

import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { squaredSingularValues } from './singular-values.js';

interface Case {
  rows: number;
  columns: number;
  weight: string;
  squares: number[];
}
const { alpha: cases } = JSON.parse(await readFile(new URL('reference-cases.json', import.meta.url), 'utf8'));
const floats = (text: string) => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);
const last = (values: Float64Array) => values[values.length - 1];

/** W·Wᵀ, whole, in plain loops. */
function plainGram(weight: Float32Array, rows: number, columns: number): number[][] {
  const row = (r: number) => weight.subarray(r * columns, (r + 1) * columns);
  return Array.from({ length: rows }, (_, i) =>
    Array.from({ length: rows }, (_, j) => row(i).reduce((sum, v, c) => sum + v * row(j)[c], 0)),
  );
}

const times = (a: number[][], b: number[][]) =>
  a.map((row) => b[0].map((_, c) => row.reduce((sum, v, k) => sum + v * b[k][c], 0)));

describe('squaredSingularValues', () => {
  it.each<[string, number[], number, number, number[]]>([
    ['a diagonal', [3, 0, 0, 4], 2, 2, [9, 16]],
    ['one row', [3, 4], 1, 2, [25]],
    ['one column', [3, 4], 2, 1, [25]],
    ['a rotation, scaled', [1, 1, -1, 1], 2, 2, [2, 2]],
    ['two rows that are nearly at right angles', [1, 0, 1e-12, 1], 2, 2, [1 - 1e-12, 1 + 1e-12]],
    ['zeros', [0, 0, 0, 0, 0, 0], 3, 2, [0, 0]],
  ])('of %s', async (_, values, rows, columns, expected) => {
    expect(await squaredSingularValues(Float32Array.from(values), rows, columns, 'w')).toBeAllClose(expected, 1e-14, 0);
  });

  it('of a second difference are 4·(1 − cos(kπ/(n + 1)))², to n·2e-16 of the largest', async () => {
    for (const n of [75, 128]) {
      const weight = new Float32Array(n * n);
      for (let i = 0; i < n; i++)
        for (let j = Math.max(0, i - 1); j <= Math.min(n - 1, i + 1); j++) weight[i * n + j] = i === j ? 2 : -1;
      const expected = Array.from({ length: n }, (_, k) => 4 * (1 - Math.cos(((k + 1) * Math.PI) / (n + 1))) ** 2);
      expect(await squaredSingularValues(weight, n, n, 'w')).toBeAllClose(expected, 16 * n * Number.EPSILON, 0);
    }
  });

  const matrices = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })).chain(([rows, columns]) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      values: fc.array(fc.oneof(fc.integer({ min: -2, max: 2 }), fc.float({ min: -2, max: 2, noNaN: true })), {
        minLength: rows * columns,
        maxLength: rows * columns,
      }),
    }),
  );

  it('have the power sums of the Gram matrix, of either side', async () => {
    await fc.assert(
      fc.asyncProperty(matrices, async ({ rows, columns, values }) => {
        const weight = Float32Array.from(values);
        const squares = await squaredSingularValues(weight, rows, columns, 'w');
        expect(squares).toHaveLength(Math.min(rows, columns));
        expect(squares).toEqual(squares.toSorted());
        expect(squares[0]).toBeGreaterThanOrEqual(0);
        const gram = plainGram(weight, rows, columns);
        let power = gram;
        for (let k = 1; k <= squares.length; k++) {
          const trace = power.reduce((sum, row, i) => sum + row[i], 0);
          const sum = squares.reduce((s, v) => s + v ** k, 0);
          expect(Math.abs(sum - trace)).toBeLessThanOrEqual(1e-12 * trace + 1e-300);
          power = times(power, gram);
        }
      }),
    );
  });

  it.each<Case>(cases)('are those of PyTorch, $rows × $columns', async ({ rows, columns, weight, squares }) => {
    const got = await squaredSingularValues(floats(weight), rows, columns, 'w');
    expect(got).toBeAllClose(squares, 1e-14 * last(got), 0);
  });

  it('that should be 0 are 0', async () => {
    // Every row is one of three.
    const [n, rank] = [60, 3];
    const weight = Float32Array.from({ length: n * n }, (_, i) =>
      Math.sin(1 + (Math.floor(i / n) % rank) * n + (i % n)),
    );
    const squares = await squaredSingularValues(weight, n, n, 'w');
    expect(squares.filter((v) => v === 0)).toHaveLength(n - 2); // sin(x + n) and sin(x + 2n) span the same plane as sin(x)
    expect(squares.reduce((a, b) => a + b)).toBeCloseTo(
      weight.reduce((sum, w) => sum + w ** 2, 0),
      9,
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('of a matrix with %f are refused', async (value) => {
    await expect(squaredSingularValues(Float32Array.of(1, 2, value, 4), 2, 2, 'model.layers.3.fc1')).rejects.toThrow(
      `expected finite weights, got ${value}, in model.layers.3.fc1`,
    );
  });

  it('can be aborted', async () => {
    const controller = new AbortController();
    const work = squaredSingularValues(new Float32Array(64 * 64).fill(1), 64, 64, 'w', controller.signal);
    controller.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
  });
});
