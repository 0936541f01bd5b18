// One block of columns of SparseGPT (arXiv 2301.00774): weights go, and the columns to their right make up for them. Rows
// do not depend on each other, so a unit is a few rows: inside the block a row at a time, to its right in tiles.

import { columnScore } from './columnScores';
import { madd } from './lanes';

/** Rows of a unit. */
export const ELIMINATE_ROWS: i32 = 64;
/** Columns to the right of the block at a time: their part of U, copied together, stays in the first two caches. */
export const ELIMINATE_COLUMNS: i32 = 64;

/**
 * Columns [from, to) of w[rows, columns], in place, with U = factor[columns, columns]. triangle[width + 2, padded] (width =
 * to − from, padded up to a multiple of 4): the block of U above its diagonal and 0 elsewhere, then U_cc, then U_cc².
 * Removed is, where m is 0, what of scores[rows, padded] lies below `threshold`, or equals it and stands no later than at
 * `last`; otherwise the n smallest scores of every m columns when their first is reached, of equal ones the lower column.
 * A unit is 64 rows. Scratch of a thread: 512·width + 8·padded + 128 bytes.
 */
export function eliminateColumns(
  w: usize, factor: usize, triangle: usize, scores: usize, rows: i32, columns: i32, from: i32, to: i32, threshold: i32,
  last: i32, n: i32, m: i32, scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  let width = to - from, padded = (width + 3) & ~3, strideW = <usize>columns << 2;
  let errors = scratch + stride * thread, panel = errors + <usize>(ELIMINATE_ROWS * width << 2);
  let row = panel + <usize>(ELIMINATE_COLUMNS * width << 2), marks = row + (<usize>padded << 2);
  let corner = marks + (<usize>padded << 2);
  memory.fill(row, 0, <usize>padded << 2);
  for (let unit = begin; unit < end; unit++) {
    let first = unit * ELIMINATE_ROWS, count = min(ELIMINATE_ROWS, rows - first);
    memory.fill(errors, 0, <usize>(ELIMINATE_ROWS * width << 2));
    for (let i = 0; i < count; i++) {
      let at = w + <usize>(first + i) * strideW + (<usize>from << 2), start = (first + i) * padded;
      let e = errors + (<usize>(i >> 2) * width << 4) + (<usize>(i & 3) << 2);
      memory.copy(row, at, <usize>width << 2);
      if (m == 0) mark(scores + (<usize>start << 2), padded, threshold, last - start, marks);
      eliminate(row, triangle, width, padded, n, m, marks, e);
      memory.copy(at, row, <usize>width << 2);
    }
    for (let c = to; c < columns; c += ELIMINATE_COLUMNS) {
      let some = min(ELIMINATE_COLUMNS, columns - c);
      gather(factor + ((<usize>from * <usize>columns + <usize>c) << 2), strideW, width, some, panel);
      for (let i = 0; i < count; i += 4) {
        let e = errors + (<usize>(i >> 2) * width << 4), y = w + <usize>(first + i) * strideW + (<usize>c << 2);
        for (let j = 0; j < some; j += 8) {
          let u = panel + (<usize>j * width << 2), yj = y + (<usize>j << 2);
          if (i + 4 <= count && j + 8 <= some) tile4x8(e, u, width, yj, strideW);
          else edge(e, u, width, yj, strideW, min(4, count - i), min(8, some - j), corner);
        }
      }
    }
  }
}

/** marks[c] ≠ 0 where the score of column c lies below the threshold, or equals it and c is no later than `last`. */
function mark(scores: usize, padded: i32, threshold: i32, last: i32, marks: usize): void {
  let limit = i32x4.splat(last >= padded - 1 ? threshold : threshold - 1);
  for (let i: usize = 0; i < <usize>padded << 2; i += 16) v128.store(marks + i, i32x4.le_s(v128.load(scores + i), limit));
  if (last >= 0 && last < padded - 1)
    for (let i: usize = 0; i <= <usize>last << 2; i += 4)
      if (load<i32>(scores + i) == threshold) store<i32>(marks + i, -1);
}

/** One row of the block, left to right; the error of column c goes to errors[c·4]: those of four rows lie together. */
function eliminate(
  row: usize, triangle: usize, width: i32, padded: i32, n: i32, m: i32, marks: usize, errors: usize,
): void {
  let strideT = <usize>padded << 2, diagonal = triangle + <usize>width * strideT, squares = diagonal + strideT;
  for (let c = 0; c < width; c++) {
    let at = <usize>c << 2;
    if (m > 0 && c % m == 0) markGroup(row + at, squares + at, n, m, marks + at);
    if (load<i32>(marks + at) == 0) continue;
    let error = load<f32>(row + at) / load<f32>(diagonal + at), e = f32x4.splat(error);
    store<f32>(row + at, 0);
    store<f32>(errors + (<usize>c << 4), error);
    let u = triangle + <usize>c * strideT;
    for (let i = at & ~15; i < strideT; i += 16)
      v128.store(row + i, f32x4.sub(v128.load(row + i), f32x4.mul(e, v128.load(u + i))));
  }
}

/** Marks the n smallest scores of m columns. */
function markGroup(row: usize, squares: usize, n: i32, m: i32, marks: usize): void {
  let bytes = <usize>m << 2;
  for (let i: usize = 0; i < bytes; i += 4) store<u32>(marks + i, columnScore(row + i, squares + i));
  for (let k = 0; k < n; k++) {
    let best: usize = 0;
    let least = u32.MAX_VALUE;
    for (let i: usize = 0; i < bytes; i += 4) {
      let s = load<u32>(marks + i);
      if (s < least) {
        least = s;
        best = i;
      }
    }
    store<u32>(marks + best, u32.MAX_VALUE);
  }
  for (let i: usize = 0; i < bytes; i += 4) store<u32>(marks + i, load<u32>(marks + i) == u32.MAX_VALUE ? 1 : 0);
}

/** panel[⌈some/8⌉][width][8] = `some` columns of U's rows, with zeros where they run out. */
function gather(u: usize, strideU: usize, width: i32, some: i32, panel: usize): void {
  for (let j = 0; j < some; j += 8) {
    let from = u + (<usize>j << 2), to = panel + (<usize>j * width << 2), whole = j + 8 <= some;
    for (let k = 0; k < width; k++) {
      if (whole) {
        v128.store(to, v128.load(from));
        v128.store(to, v128.load(from, 16), 16);
      } else {
        memory.fill(to, 0, 32);
        memory.copy(to, from, <usize>(some - j) << 2);
      }
      from += strideU; to += 32;
    }
  }
}

/** y[i][j] −= Σ over k of e[k][i]·u[k][j], for i < 4 and j < 8. The loop leaves in its middle for the sake of V8, as in dots.ts. */
function tile4x8(e: usize, u: usize, width: i32, y: usize, strideY: usize): void {
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  let end = e + (<usize>width << 4);
  while (e < end) {
    let p = v128.load(u), q = v128.load(u, 16), s = v128.load32_splat(e);
    a0 = madd(s, p, a0); a1 = madd(s, q, a1); s = v128.load32_splat(e, 4);
    b0 = madd(s, p, b0); b1 = madd(s, q, b1); s = v128.load32_splat(e, 8);
    c0 = madd(s, p, c0); c1 = madd(s, q, c1); s = v128.load32_splat(e, 12);
    d0 = madd(s, p, d0); d1 = madd(s, q, d1);
    if (e + 16 == end) break;
    p = v128.load(u, 32); q = v128.load(u, 48); s = v128.load32_splat(e, 16);
    a0 = madd(s, p, a0); a1 = madd(s, q, a1); s = v128.load32_splat(e, 20);
    b0 = madd(s, p, b0); b1 = madd(s, q, b1); s = v128.load32_splat(e, 24);
    c0 = madd(s, p, c0); c1 = madd(s, q, c1); s = v128.load32_splat(e, 28);
    d0 = madd(s, p, d0); d1 = madd(s, q, d1);
    e += 32; u += 64;
  }
  subtract8(y, a0, a1);
  subtract8(y + strideY, b0, b1);
  subtract8(y + 2 * strideY, c0, c1);
  subtract8(y + 3 * strideY, d0, d1);
}

function subtract8(at: usize, low: v128, high: v128): void {
  v128.store(at, f32x4.sub(v128.load(at), low));
  v128.store(at, f32x4.sub(v128.load(at, 16), high), 16);
}

/** The same for fewer rows and columns, by way of a whole tile. */
function edge(
  e: usize, u: usize, width: i32, y: usize, strideY: usize, rows: i32, columns: i32, corner: usize,
): void {
  let bytes = <usize>columns << 2;
  memory.fill(corner, 0, 128);
  for (let i = 0; i < rows; i++) memory.copy(corner + (<usize>i << 5), y + <usize>i * strideY, bytes);
  tile4x8(e, u, width, corner, 32);
  for (let i = 0; i < rows; i++) memory.copy(y + <usize>i * strideY, corner + (<usize>i << 5), bytes);
}
