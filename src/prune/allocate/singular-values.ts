// The squared singular values of a weight matrix, without vectors: eigenvalues of its Gram matrix, in f64. Householder
// reflections make that tridiagonal, and QR steps with Wilkinson's shift diagonal (Golub and Van Loan, Matrix Computations,
// §8.3).

import { CheckpointError } from '../../errors.js';
import { safePoint } from '../../progress.js';

/** Rows of a matrix, or QR steps, between two safe points. */
const PANEL = 16;

/**
 * What is less than this part of the largest σ² counts as 0: a singular value that small, 2^-22 of the largest, is rounding of
 * f32 weights, and of a matrix without full rank the eigenvalues that should be 0 stay below.
 */
const NEGLIGIBLE = 2 ** -44;

/** A sum of squares whose reciprocal could overflow. Products of f32 weights are 0 or at least 1e-90: less is their rounding. */
const VANISHING = 1e-280;

/**
 * σ² of W[rows, columns], min(rows, columns) of them, ascending. With n the lesser side and m the other,
 * exact to about n·2e-16 of the largest, in mn²/2 + 2n³/3 multiplications; can be aborted every few rows.
 * @param layer name for the error
 * @throws CheckpointError where a weight is not finite
 */
export async function squaredSingularValues(
  weight: Float32Array,
  rows: number,
  columns: number,
  layer: string,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const bad = weight.findIndex((w) => !Number.isFinite(w));
  if (bad >= 0) throw new CheckpointError({ expected: 'finite weights', got: String(weight[bad]), where: layer });
  const n = Math.min(rows, columns);
  const gram = await lesserGram(weight, rows, columns, signal);
  const squares = await eigenvalues(await tridiagonal(gram, n, signal), signal);
  const least = squares.reduce((a, b) => Math.max(a, b), 0) * NEGLIGIBLE;
  return squares.map((v) => (v > least ? v : 0)).sort();
}

/** Where row r of a lower triangle begins that is held row after row. */
const rowStart = (r: number): number => (r * (r + 1)) / 2;

/** W·Wᵀ or Wᵀ·W, whichever is smaller: its lower triangle. */
async function lesserGram(
  weight: Float32Array,
  rows: number,
  columns: number,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const isWide = rows <= columns;
  const [n, m] = isWide ? [rows, columns] : [columns, rows];
  // The n vectors of length m one after another, and zeros up to a multiple of three.
  const vectors = new Float32Array(Math.ceil(n / 3) * 3 * m);
  if (isWide) vectors.set(weight);
  else for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) vectors[c * m + r] = weight[r * columns + c];
  const gram = new Float64Array(rowStart(n));
  const tile = new Float64Array(9);
  for (let r = 0; r < n; r += 3) {
    if (r % (3 * PANEL) === 0) await safePoint(signal);
    for (let c = 0; c <= r; c += 3) {
      dotProducts(tile, vectors, r * m, c * m, m);
      for (let i = r; i < Math.min(r + 3, n); i++)
        for (let j = c; j < Math.min(c + 3, i + 1); j++) gram[rowStart(i) + j] = tile[3 * (i - r) + j - c];
    }
  }
  return gram;
}

/** tile[3, 3] = the products of three vectors of length m from `a` on with three from `b` on. */
function dotProducts(tile: Float64Array, vectors: Float32Array, a: number, b: number, m: number): void {
  let [s00, s01, s02, s10, s11, s12, s20, s21, s22] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0; k < m; k++) {
    const a0 = vectors[a + k];
    const a1 = vectors[a + m + k];
    const a2 = vectors[a + 2 * m + k];
    const b0 = vectors[b + k];
    const b1 = vectors[b + m + k];
    const b2 = vectors[b + 2 * m + k];
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
  }
  tile.set([s00, s01, s02, s10, s11, s12, s20, s21, s22]);
}

/** A symmetric tridiagonal matrix; `coupling[i]` stands between i − 1 and i. */
interface Tridiagonal {
  diagonal: Float64Array;
  coupling: Float64Array;
}

/**
 * A tridiagonal matrix with the eigenvalues of A, a lower triangle of n rows, which is overwritten. Rows go from the last up:
 * a reflection leaves of row m only the entry beside the diagonal. Its effect on the rows above, A − u·wᵀ − w·uᵀ, waits until
 * they are read for the next reflection, so that each is read once.
 */
async function tridiagonal(a: Float64Array, n: number, signal?: AbortSignal): Promise<Tridiagonal> {
  const diagonal = new Float64Array(n);
  const coupling = new Float64Array(n);
  let [u, w, next, product] = [1, 2, 3, 4].map(() => new Float64Array(n));
  for (let m = n - 1; m >= 0; m--) {
    if (m % PANEL === 0) await safePoint(signal);
    const row = a.subarray(rowStart(m), rowStart(m + 1));
    let rest = 0;
    for (let c = 0; c <= m; c++) {
      row[c] -= u[m] * w[c] + w[m] * u[c];
      if (c < m - 1) rest += row[c] ** 2;
    }
    diagonal[m] = row[m];
    if (m === 0) break;
    const beside = row[m - 1];
    const isReflected = rest > VANISHING;
    coupling[m] = isReflected ? -Math.sign(beside || 1) * Math.sqrt(rest + beside ** 2) : beside;
    next.fill(0);
    product.fill(0);
    if (isReflected) {
      next.set(row.subarray(0, m));
      next[m - 1] -= coupling[m];
    }
    updateAndMultiply(a, m, u, w, next, product);
    // The reflection is I − β·next·nextᵀ with β = 2 / |next|².
    const beta = isReflected ? 1 / (coupling[m] * (coupling[m] - beside)) : 0;
    let overlap = 0;
    for (let c = 0; c < m; c++) overlap += next[c] * product[c];
    for (let c = 0; c < m; c++) product[c] = beta * (product[c] - (beta / 2) * overlap * next[c]);
    [u, next] = [next, u];
    [w, product] = [product, w];
  }
  return { diagonal, coupling };
}

/** The first m rows: A −= u·wᵀ + w·uᵀ, then product += A·x, two rows at a time. */
function updateAndMultiply(
  a: Float64Array,
  m: number,
  u: Float64Array,
  w: Float64Array,
  x: Float64Array,
  product: Float64Array,
): void {
  const isOdd = m % 2 === 1;
  if (isOdd) {
    a[0] -= 2 * u[0] * w[0];
    product[0] += a[0] * x[0];
  }
  for (let r = isOdd ? 1 : 0; r < m; r += 2) {
    const [p, q] = [rowStart(r), rowStart(r + 1)];
    const [u0, w0, x0] = [u[r], w[r], x[r]];
    const [u1, w1, x1] = [u[r + 1], w[r + 1], x[r + 1]];
    let sum0 = 0;
    let sum1 = 0;
    for (let c = 0; c < r; c++) {
      const a0 = a[p + c] - u0 * w[c] - w0 * u[c];
      const a1 = a[q + c] - u1 * w[c] - w1 * u[c];
      a[p + c] = a0;
      a[q + c] = a1;
      sum0 += a0 * x[c];
      sum1 += a1 * x[c];
      product[c] += a0 * x0 + a1 * x1;
    }
    a[p + r] -= 2 * u0 * w0;
    a[q + r] -= u1 * w0 + w1 * u0;
    a[q + r + 1] -= 2 * u1 * w1;
    product[r] += sum0 + a[p + r] * x0 + a[q + r] * x1;
    product[r + 1] += sum1 + a[q + r] * x0 + a[q + r + 1] * x1;
  }
}

/** Eigenvalues in no order; the matrix is overwritten. */
async function eigenvalues({ diagonal, coupling }: Tridiagonal, signal?: AbortSignal): Promise<Float64Array> {
  let steps = 0;
  for (let high = diagonal.length - 1; high > 0; ) {
    let low = high;
    while (low > 0 && !isNegligible(diagonal, coupling, low)) low--;
    if (low === high) {
      high--;
      continue;
    }
    if (steps++ % PANEL === 0) await safePoint(signal);
    qrStep(diagonal, coupling, low, high);
  }
  return diagonal;
}

function isNegligible(diagonal: Float64Array, coupling: Float64Array, i: number): boolean {
  return Math.abs(coupling[i]) <= Number.EPSILON * (Math.abs(diagonal[i - 1]) + Math.abs(diagonal[i]));
}

/** One implicit QR step of the rows low … high: the rotation that the shift asks for, and those that chase its bulge down. */
function qrStep(diagonal: Float64Array, coupling: Float64Array, low: number, high: number): void {
  const half = (diagonal[high - 1] - diagonal[high]) / 2;
  const last = coupling[high];
  const shift = diagonal[high] - last ** 2 / (half + Math.sign(half || 1) * Math.sqrt(half ** 2 + last ** 2));
  let x = diagonal[low] - shift;
  let bulge = coupling[low + 1];
  for (let k = low; k < high; k++) {
    const length = Math.sqrt(x ** 2 + bulge ** 2);
    const cos = length === 0 ? 1 : x / length;
    const sin = length === 0 ? 0 : bulge / length;
    if (k > low) coupling[k] = length;
    const [above, below, between] = [diagonal[k], diagonal[k + 1], coupling[k + 1]];
    const cross = 2 * cos * sin * between;
    diagonal[k] = cos ** 2 * above + cross + sin ** 2 * below;
    diagonal[k + 1] = sin ** 2 * above - cross + cos ** 2 * below;
    coupling[k + 1] = cos * sin * (below - above) + (cos ** 2 - sin ** 2) * between;
    if (k + 1 === high) break;
    x = coupling[k + 1];
    bulge = sin * coupling[k + 2];
    coupling[k + 2] *= cos;
  }
}
