// Inverse of a symmetric positive definite matrix A in f64, a block of columns at a time. Below its diagonal blocks the
// workspace a[size, size] comes to hold L, A = L·Lᵀ; above and in them N = L⁻ᵀ, so that A⁻¹ = N·Nᵀ. Columns [from, to):
// `invertUpdate` on all rows, `invertDiagonal`, `invertSolve` on all rows. After the last block one of the two ways out:
// `invertFactor`, or `invertWhole` on every block of rows and then `invertMirror`.
//
// What goes in and what comes out passes by in panels, some rows [first, …) of an n×n matrix: a memory that holds the
// workspace may have no room for a second matrix.
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
/** Columns of the workspace that become rows of a panel together: a line of the cache. */
const COLUMNS: i32 = 8;

/**
 * a = matrix[n, n] + ridge·I, all f64, with both indices reversed where `reversed`: the factor that starts in the last
 * row is the one whose inverse is upper triangular. A unit is a row of the panel, or one of a beyond n.
 */
export function invertLoad(
  panel: usize, a: usize, n: i32, size: i32, stride: usize, ridge: f64, reversed: i32, first: i32, begin: i32, end: i32,
): void {
  for (let unit = begin; unit < end; unit++) {
    let i = first + unit;
    if (reversed && i < n) i = n - 1 - i;
    let row = a + <usize>i * stride;
    memory.fill(row, 0, <usize>size << 3);
    let diagonal = row + (<usize>i << 3);
    if (i >= n) {
      store<f64>(diagonal, 1);
      continue;
    }
    let from = panel + (<usize>unit * <usize>n << 3);
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
 * N·Nᵀ for i in the block and j < to: where L was in a for j before the block, as d[64, 64] for j in it, whose place in a
 * holds N, which all units read. Later blocks need no N of this place, so that d may go there. A unit is 32 rows j.
 * Scratch of a thread: 32 × 64 f64.
 */
export function invertWhole(
  a: usize, size: i32, stride: usize, from: i32, to: i32, d: usize, scratch: usize, strideScratch: usize,
  begin: i32, end: i32, thread: i32,
): void {
  let tile = scratch + strideScratch * thread, strideT = <usize>INVERT_BLOCK << 3;
  for (let unit = begin; unit < end; unit++) {
    let first = unit * INVERT_ROWS, rows = min(INVERT_ROWS, size - first);
    memory.fill(tile, 0, <usize>INVERT_ROWS * strideT);
    for (let k = from; k < size; k += DEPTH) {
      let at = a + (<usize>k << 3);
      subtractProducts(
        at + <usize>first * stride, rows, at + <usize>from * stride, to - from, stride, min(DEPTH, size - k), tile, strideT,
      );
    }
    let inside = first >= from, strideY = inside ? strideT : stride;
    let y = inside ? d + (<usize>(first - from) << 3) : a + <usize>from * stride + (<usize>first << 3);
    for (let i = 0; i < to - from; i++)
      for (let j = 0; j < rows; j++)
        store<f64>(y + <usize>i * strideY + (<usize>j << 3), -load<f64>(tile + <usize>j * strideT + (<usize>i << 3)));
  }
}

/** panel[rows, n] = rows [first, first + rows) of the symmetric matrix whose lower triangle a holds. A unit is 32 rows. */
export function invertMirror(
  a: usize, panel: usize, n: i32, stride: usize, first: i32, rows: i32, begin: i32, end: i32,
): void {
  let out = panel - (<usize>first * <usize>n << 3), last = first + min(end * INVERT_ROWS, rows);
  for (let start = first + begin * INVERT_ROWS; start < last; start += COLUMNS) {
    let stop = min(start + COLUMNS, last);
    for (let i = start; i < stop; i++) memory.copy(out + (<usize>i * <usize>n << 3), a + <usize>i * stride, <usize>(i + 1) << 3);
    for (let j = start + 1; j < n; j++) {
      let row = a + <usize>j * stride, to = out + (<usize>j << 3);
      for (let i = start; i < min(stop, j); i++) store<f64>(to + (<usize>i * <usize>n << 3), load<f64>(row + (<usize>i << 3)));
    }
  }
}

/**
 * panel[rows, n] = rows [first, first + rows) of the upper triangular U, UᵀU = matrix⁻¹, of a reversed load:
 * U[i][j] = N[n−1−j][n−1−i]. A unit is 32 rows.
 */
export function invertFactor(
  a: usize, panel: usize, n: i32, stride: usize, first: i32, rows: i32, begin: i32, end: i32,
): void {
  let out = panel - (<usize>first * <usize>n << 3), last = first + min(end * INVERT_ROWS, rows);
  for (let start = first + begin * INVERT_ROWS; start < last; start += COLUMNS) {
    let stop = min(start + COLUMNS, last);
    for (let i = start; i < stop; i++) memory.fill(out + (<usize>i * <usize>n << 3), 0, <usize>i << 3);
    for (let j = start; j < n; j++) {
      let row = a + <usize>(n - 1 - j) * stride + (<usize>(n - 1) << 3), to = out + (<usize>j << 3);
      for (let i = start; i < min(stop, j + 1); i++)
        store<f64>(to + (<usize>i * <usize>n << 3), load<f64>(row - (<usize>i << 3)));
    }
  }
}
