// Inverse of a symmetric positive definite matrix, in f64: by Cholesky, whose failure says that the matrix is neither.

import { BackendError } from '../../errors.js';
import { safePoint } from '../../progress.js';

/** Rows between two safe points. */
const PANEL = 64;

/** Inverse of the n × n matrix (row-major), which is overwritten. Time n³; can be aborted between panels of rows. */
export async function inversePositiveDefinite(
  matrix: Float64Array,
  n: number,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const row = (values: Float64Array, r: number) => values.subarray(r * n, (r + 1) * n);
  // Cholesky: the lower factor L, L·Lᵀ = matrix, over the lower half of the matrix.
  for (let r = 0; r < n; r++) {
    if (r % PANEL === 0) await safePoint(signal);
    const own = row(matrix, r);
    for (let c = 0; c <= r; c++) {
      const other = row(matrix, c);
      let sum = own[c];
      for (let k = 0; k < c; k++) sum -= own[k] * other[k];
      if (c < r) own[c] = sum / other[c];
      else if (sum > 0) own[r] = Math.sqrt(sum);
      else throw new BackendError({ expected: 'a positive definite matrix', got: `pivot ${sum}`, where: `row ${r}` });
    }
  }
  // Inverse of L, row by row: row r is (e_r − Σ L_rk · row k) / L_rr.
  const lower = new Float64Array(n * n);
  for (let r = 0; r < n; r++) {
    if (r % PANEL === 0) await safePoint(signal);
    const own = row(lower, r);
    own[r] = 1;
    for (let k = 0; k < r; k++) addMultiple(own, row(lower, k), -matrix[r * n + k], k + 1);
    const pivot = matrix[r * n + r];
    for (let c = 0; c <= r; c++) own[c] /= pivot;
  }
  // Its product with its own transpose, from the left: Σ over rows k of (row k)ᵀ · row k.
  const out = matrix.fill(0);
  for (let k = 0; k < n; k++) {
    if (k % PANEL === 0) await safePoint(signal);
    const own = row(lower, k);
    for (let r = 0; r <= k; r++) addMultiple(row(out, r), own, own[r], r + 1);
  }
  for (let r = 0; r < n; r++) for (let c = 0; c < r; c++) out[c * n + r] = out[r * n + c];
  return out;
}

/** to[0 … length) += factor · from. */
function addMultiple(to: Float64Array, from: Float64Array, factor: number, length: number): void {
  for (let c = 0; c < length; c++) to[c] += factor * from[c];
}
