// Inverse of a symmetric positive definite matrix, in f64: by Cholesky, whose failure says that the matrix is neither.

import { BackendError } from '../../errors.js';

/** Inverse of the n × n matrix (row-major). Time n³; the argument is left as it is. */
export function inversePositiveDefinite(matrix: Float64Array, n: number): Float64Array {
  const lower = cholesky(matrix, n);
  // Inverse of the lower factor, column by column; then its product with its own transpose.
  const inverse = new Float64Array(n * n);
  for (let c = 0; c < n; c++) {
    inverse[c * n + c] = 1 / lower[c * n + c];
    for (let r = c + 1; r < n; r++) {
      let sum = 0;
      for (let k = c; k < r; k++) sum -= lower[r * n + k] * inverse[k * n + c];
      inverse[r * n + c] = sum / lower[r * n + r];
    }
  }
  const out = new Float64Array(n * n);
  for (let k = 0; k < n; k++)
    for (let r = 0; r <= k; r++) {
      const factor = inverse[k * n + r];
      for (let c = 0; c <= r; c++) out[r * n + c] += factor * inverse[k * n + c];
    }
  for (let r = 0; r < n; r++) for (let c = 0; c < r; c++) out[c * n + r] = out[r * n + c];
  return out;
}

/** Lower factor L with L·Lᵀ = matrix. */
function cholesky(matrix: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n);
  for (let r = 0; r < n; r++)
    for (let c = 0; c <= r; c++) {
      let sum = matrix[r * n + c];
      for (let k = 0; k < c; k++) sum -= lower[r * n + k] * lower[c * n + k];
      if (r !== c) lower[r * n + c] = sum / lower[c * n + c];
      else if (sum > 0) lower[r * n + r] = Math.sqrt(sum);
      else throw new BackendError({ expected: 'a positive definite matrix', got: `pivot ${sum}`, where: `row ${r}` });
    }
  return lower;
}
