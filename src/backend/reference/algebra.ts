// Dense linear algebra as it is defined: the inverse column by column, its factor from the inverse, and SparseGPT's
// elimination a column and a row at a time. Scores are rounded to f32, as they are for masks: a tie is a tie of f32 numbers.

import { BackendError } from '../../errors.js';
import type { Backend, BlockSelection } from '../backend.js';
import { checkEliminateColumns, checkInvert, checkMultiply } from '../shapes.js';
import { elements } from './storage.js';

type Algebra = Pick<Backend, 'multiply' | 'invert' | 'eliminateColumns'>;

/** The linear algebra of the reference backend. */
export const algebra: Algebra = {
  multiply(y, x, matrix) {
    checkMultiply(y, x, matrix);
    const [result, left, right, rows, n] = [
      elements(y),
      elements(x),
      elements(matrix),
      matrix.rowCount,
      matrix.columns,
    ];
    for (let i = 0; i < x.rowCount; i++)
      for (let r = 0; r < rows; r++) {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += left[i * n + k] * right[r * n + k];
        result[i * rows + r] = sum;
      }
  },

  async invert(out, matrix, ridge, form, signal) {
    checkInvert(out, matrix, ridge, form);
    signal?.throwIfAborted();
    const n = matrix.columns;
    const a = elements(matrix).slice();
    for (let i = 0; i < n; i++) a[i * n + i] += ridge;
    const inverse = inverseOf(a, n);
    elements(out).set(form === 'whole' ? inverse : transpose(cholesky(inverse, n), n));
  },

  eliminateColumns(weight, factor, from, to, selection) {
    checkEliminateColumns(weight, factor, from, to, selection);
    const [w, u, n] = [elements(weight), elements(factor), weight.columns];
    const score = (i: number) => {
      const [value, pivot] = [Math.fround(w[i]), Math.fround(u[(i % n) * n + (i % n)])];
      return Math.fround(Math.fround(value * value) / Math.fround(pivot * pivot));
    };
    /** Positions of `length` columns from c on, row by row, the smallest scores first. */
    const ranked = (first: number, last: number, c: number, length: number) => {
      const positions: number[] = [];
      for (let r = first; r < last; r++) for (let k = 0; k < length; k++) positions.push(r * n + c + k);
      const scores = new Map(positions.map((i) => [i, score(i)]));
      return positions.sort((a, b) => (scores.get(a) as number) - (scores.get(b) as number));
    };
    const removed = new Set(
      selection.kind === 'n:m' ? [] : ofBlock(ranked(0, weight.rowCount, from, to - from), score, selection),
    );
    for (let r = 0; r < weight.rowCount; r++) {
      for (let c = from; c < to; c++) {
        if (selection.kind === 'n:m' && c % selection.m === 0)
          for (const i of ranked(r, r + 1, c, selection.m).slice(0, selection.n)) removed.add(i);
        if (!removed.has(r * n + c)) continue;
        const error = w[r * n + c] / u[c * n + c];
        w[r * n + c] = 0;
        for (let j = c + 1; j < n; j++) w[r * n + j] -= error * u[c * n + j];
      }
    }
  },
};

/** Which of the positions, smallest scores first, a selection over the whole block removes. */
function ofBlock(
  ranked: number[],
  score: (i: number) => number,
  selection: Exclude<BlockSelection, { kind: 'n:m' }>,
): number[] {
  if (selection.kind === 'count') return ranked.slice(0, selection.prune);
  const threshold = score(ranked[selection.rank]);
  return ranked.filter((i) => score(i) <= threshold);
}

/** The lower triangular L, L·Lᵀ = a, for a[n, n] of which the lower half is read. */
function cholesky(a: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n);
  for (let r = 0; r < n; r++) {
    for (let c = 0; c <= r; c++) {
      let rest = a[r * n + c];
      for (let k = 0; k < c; k++) rest -= lower[r * n + k] * lower[c * n + k];
      if (c === r && !(rest > 0 && rest < Infinity))
        throw new BackendError({ expected: 'a positive definite matrix', got: `pivot ${rest}`, where: `row ${r}` });
      lower[r * n + c] = c === r ? Math.sqrt(rest) : rest / lower[c * n + c];
    }
  }
  return lower;
}

/** Column j solves a·x = e_j, by L·y = e_j and Lᵀ·x = y. */
function inverseOf(a: Float64Array, n: number): Float64Array {
  const lower = cholesky(a, n);
  const inverse = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    const x = new Float64Array(n);
    x[j] = 1;
    for (let r = 0; r < n; r++) {
      for (let k = 0; k < r; k++) x[r] -= lower[r * n + k] * x[k];
      x[r] /= lower[r * n + r];
    }
    for (let r = n - 1; r >= 0; r--) {
      for (let k = r + 1; k < n; k++) x[r] -= lower[k * n + r] * x[k];
      x[r] /= lower[r * n + r];
    }
    for (let r = 0; r < n; r++) inverse[r * n + j] = x[r];
  }
  return inverse;
}

function transpose(a: Float64Array, n: number): Float64Array {
  return a.map((_, i) => a[(i % n) * n + Math.floor(i / n)]);
}
