// Inverse of a symmetric positive definite matrix A in f64, a block of columns at a time. Below its diagonal blocks the
// workspace a[size, size] comes to hold L, A = L·Lᵀ; above and in them N = L⁻ᵀ, so that A⁻¹ = N·Nᵀ. Columns [from, to):
// `invertUpdate` on all rows, `invertDiagonal`, `invertSolve` on all rows; after the last block one of the two ways out.
//
// The workspace has whole tiles: size is n rounded up to a multiple of 4, and what is beyond n belongs to the identity.
// Its stride, in bytes, is no power of two, or the rows of a tile would fight for the same places of a cache.

import { dots2x4, NEGATE, subtractProducts } from './dots64';

/** Columns of a block; its last one may be narrower. */
export const INVERT_BLOCK: i32 = 64;
/** Rows of a unit; divides a block. */
export const INVERT_ROWS: i32 = 32;
/** f64 along k at a time: rows of a unit and of a block stay in the second cache. */
const DEPTH: i32 = 256;
/** Columns of N that become rows of U together: a line of the cache. */
const COLUMNS: i32 = 8;

/**
 * a = matrix[n, n] + ridge·I, all f64, with both indices reversed where `reversed`: the factor that starts in the last
 * row is the one whose inverse is upper triangular. A unit is a row.
 */
export function invertLoad(
  matrix: usize, a: usize, n: i32, size: i32, stride: usize, ridge: f64, reversed: i32, begin: i32, end: i32,
): void {
  for (let i = begin; i < end; i++) {
    let row = a + <usize>i * stride;
    memory.fill(row, 0, <usize>size << 3);
    let diagonal = row + (<usize>i << 3);
    if (i >= n) {
      store<f64>(diagonal, 1);
      continue;
    }
    let from = matrix + (<usize>(reversed ? n - 1 - i : i) * <usize>n << 3);
    for (let j = 0; j <= i; j++)
      store<f64>(row + (<usize>j << 3), load<f64>(from + (<usize>(reversed ? n - 1 - j : j) << 3)));
    store<f64>(diagonal, load<f64>(diagonal) + ridge);
  }
}

/**
 * a[r, from…to) −= a[r, k]·a[from…to, k]ᵀ over k < from: of L for rows from `from` on, of N for those before, which begin
 * with their own block. A unit is 32 rows.
 */
export function invertUpdate(a: usize, size: i32, stride: usize, from: i32, to: i32, begin: i32, end: i32): void {
  for (let unit = begin; unit < end; unit++) {
    let r = unit * INVERT_ROWS, rows = min(INVERT_ROWS, size - r), row = a + <usize>r * stride;
    for (let k = r < from ? r & -INVERT_BLOCK : 0; k < from; k += DEPTH) {
      let at = <usize>k << 3, w = a + <usize>from * stride + at;
      subtractProducts(row + at, rows, w, to - from, stride, min(DEPTH, from - k), row + (<usize>from << 3), stride);
    }
  }
}

/**
 * The diagonal block, now L_II·L_IIᵀ: d[64, 64] = −L_II⁻¹, row-major and 0 above its diagonal, and the block becomes
 * L_II⁻ᵀ. Behind d come two f64: the row where a pivot was not a positive number, or −1, and that pivot. One unit.
 */
export function invertDiagonal(
  a: usize, stride: usize, from: i32, to: i32, d: usize, begin: i32, end: i32,
): void {
  let n = to - from, block = a + <usize>from * stride + (<usize>from << 3), strideD = <usize>INVERT_BLOCK << 3;
  let verdict = d + <usize>INVERT_BLOCK * strideD;
  store<f64>(verdict, -1);
  for (let r = 0; r < n; r++) {
    let own = block + <usize>r * stride;
    for (let c = 0; c <= r; c++) {
      let other = block + <usize>c * stride, at = <usize>c << 3, sum = load<f64>(own + at);
      for (let k: usize = 0; k < at; k += 8) sum -= load<f64>(own + k) * load<f64>(other + k);
      if (c < r) sum /= load<f64>(other + at);
      else if (sum > 0 && sum < Infinity) sum = sqrt(sum);
      else {
        store<f64>(verdict, <f64>(from + r));
        store<f64>(verdict, sum, 8);
        return;
      }
      store<f64>(own + at, sum);
    }
  }
  memory.fill(d, 0, <usize>INVERT_BLOCK * strideD);
  for (let r = 0; r < n; r++) {
    let own = block + <usize>r * stride, to = d + <usize>r * strideD, at = <usize>r << 3, pivot = load<f64>(own + at);
    for (let k = 0; k < r; k++) {
      let factor = load<f64>(own + (<usize>k << 3)), row = d + <usize>k * strideD;
      for (let c: usize = 0; c <= <usize>k << 3; c += 8) store<f64>(to + c, load<f64>(to + c) - factor * load<f64>(row + c));
    }
    store<f64>(to + at, -1);
    for (let c: usize = 0; c <= at; c += 8) store<f64>(to + c, load<f64>(to + c) / pivot);
  }
  for (let r = 0; r < n; r++)
    for (let c = 0; c < n; c++)
      store<f64>(block + <usize>r * stride + (<usize>c << 3), -load<f64>(d + <usize>c * strideD + (<usize>r << 3)));
}

/** a[r, from…to) = a[r, from…to)·L_II⁻ᵀ for the rows outside the block, d as above. A unit is 32 rows. */
export function invertSolve(
  a: usize, size: i32, stride: usize, from: i32, to: i32, d: usize, begin: i32, end: i32,
): void {
  let strideD = <usize>INVERT_BLOCK << 3;
  for (let unit = begin; unit < end; unit++) {
    let r = unit * INVERT_ROWS, last = min(r + INVERT_ROWS, size);
    if (r >= from && r < to) continue;
    for (; r < last; r += 2) {
      let row = a + <usize>r * stride + (<usize>from << 3);
      // A column takes from those before it only: from the last to the first, the row can be its own result.
      for (let c = to - from - 4; c >= 0; c -= 4) 
        dots2x4(row, stride, d + <usize>c * strideD, strideD, c + 4, row + (<usize>c << 3), stride, NEGATE);
    }
  }
}

/**
 * out[n, n] = N·Nᵀ: entries (i, j) and (j, i) for i in the block and j up to i. A unit is 32 rows j < to.
 * Scratch of a thread: 32 × 64 f64.
 */
export function invertWhole(
  a: usize, out: usize, n: i32, size: i32, stride: usize, from: i32, to: i32, scratch: usize, strideScratch: usize,
  begin: i32, end: i32, thread: i32,
): void {
  let tile = scratch + strideScratch * thread, strideT = <usize>INVERT_BLOCK << 3, strideOut = <usize>n << 3;
  for (let unit = begin; unit < end; unit++) {
    let first = unit * INVERT_ROWS, rows = min(INVERT_ROWS, size - first);
    memory.fill(tile, 0, <usize>INVERT_ROWS * strideT);
    for (let k = from; k < size; k += DEPTH) {
      let at = a + (<usize>k << 3);
      subtractProducts(
        at + <usize>first * stride, rows, at + <usize>from * stride, to - from, stride, min(DEPTH, size - k), tile, strideT,
      );
    }
    for (let j = first; j < min(first + rows, n); j++)
      for (let i = max(from, j); i < min(to, n); i++) {
        let value = -load<f64>(tile + <usize>(j - first) * strideT + (<usize>(i - from) << 3));
        store<f64>(out + <usize>i * strideOut + (<usize>j << 3), value);
        store<f64>(out + <usize>j * strideOut + (<usize>i << 3), value);
      }
  }
}

/** out[n, n] = the upper triangular U, UᵀU = matrix⁻¹, of a reversed load: U[i][j] = N[n−1−j][n−1−i]. A unit is 32 rows. */
export function invertFactor(a: usize, out: usize, n: i32, stride: usize, begin: i32, end: i32): void {
  for (let first = begin * INVERT_ROWS, last = min(end * INVERT_ROWS, n); first < last; first += COLUMNS) {
    let stop = min(first + COLUMNS, last);
    for (let i = first; i < stop; i++) memory.fill(out + (<usize>i * <usize>n << 3), 0, <usize>i << 3);
    for (let j = first; j < n; j++) {
      let row = a + <usize>(n - 1 - j) * stride + (<usize>(n - 1) << 3), to = out + (<usize>j << 3);
      for (let i = first; i < min(stop, j + 1); i++)
        store<f64>(to + (<usize>i * <usize>n << 3), load<f64>(row - (<usize>i << 3)));
    }
  }
}
