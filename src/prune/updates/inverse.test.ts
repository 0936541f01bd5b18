// The inverse, by what it means: its product with the matrix is the identity; and a matrix without one is refused.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inversePositiveDefinite } from './inverse.js';

it('times the matrix is the identity', async () => {
  const square = fc
    .integer({ min: 1, max: 12 })
    .chain((n) => fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: n * n, maxLength: n * n }));
  await fc.assert(
    fc.asyncProperty(square, async (values) => {
      const n = Math.sqrt(values.length);
      // B·Bᵀ + I is symmetric and positive definite whatever B is.
      const matrix = Float64Array.from({ length: n * n }, (_, i) => {
        const [r, c] = [Math.floor(i / n), i % n];
        let sum = r === c ? 1 : 0;
        for (let k = 0; k < n; k++) sum += values[r * n + k] * values[c * n + k];
        return sum;
      });
      const inverse = await inversePositiveDefinite(matrix.slice(), n);
      for (let r = 0; r < n; r++)
        for (let c = 0; c < n; c++) {
          let sum = 0;
          for (let k = 0; k < n; k++) sum += matrix[r * n + k] * inverse[k * n + c];
          expect(sum).toBeCloseTo(r === c ? 1 : 0, 9);
        }
    }),
  );
});

it('of a matrix that is not positive definite is refused', async () => {
  await expect(inversePositiveDefinite(Float64Array.of(1, 2, 2, 1), 2)).rejects.toThrow(
    'expected a positive definite matrix, got pivot -3, in row 1',
  );
});
