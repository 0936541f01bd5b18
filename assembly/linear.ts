// y[T, rows] = x[T, columns] · W[rows, columns]ᵀ + bias. W is used as Hugging Face stores it, row-major and unpacked,
// so that pruning can edit it in place and one layout serves one token and thousands. W may be of 16 bits: half the memory
// to read, and the bits that the same numbers in f32 give.

import { dots1x1, dots4x1, dots4x2 } from './dots';
import { BF16, CONSTANTS, F16, halfDots1x1, storeConstants, widen } from './halves';
import { dots8x1 } from './streams';

/** Tokens of a unit: x's part stays in the second cache. */
export const LINEAR_TOKENS: i32 = 256;
/** Columns at a time; partial sums go through y. */
const COLUMNS: i32 = 512;
/** Fewer tokens than these read weights as streams. */
export const STREAMED: i32 = 16;
/** Bytes beyond which a matrix of f32 is read from memory: for one token more streams are faster there, and slower in a cache. */
const LARGE: usize = 1 << 20;
/** Bytes of scratch memory of a thread: constants, then four rows of W, a stretch of columns of each, widened. */
export const LINEAR_SCRATCH: i32 = <i32>CONSTANTS + 4 * 4 * COLUMNS;

/**
 * Units: row blocks vary fastest, ⌈rows/height⌉ of them for each of ⌈T/256⌉ token blocks. bias may be 0. `kind` says of what
 * W is (halves.ts); f32, 0, needs no scratch memory.
 */
export function linear(
  x: usize, w: usize, bias: usize, y: usize, columns: i32, rows: i32, tokens: i32, height: i32, kind: i32, scratch: usize,
  stride: usize, begin: i32, end: i32, thread: i32,
): void {
  scratch += stride * thread;
  if (kind) storeConstants(scratch);
  let rowBlocks = (rows + height - 1) / height;
  for (let unit = begin; unit < end; unit++) {
    let r = (unit % rowBlocks) * height, t = (unit / rowBlocks) * LINEAR_TOKENS;
    let r1 = min(r + height, rows), t1 = min(t + LINEAR_TOKENS, tokens);
    if (tokens == 1 && !(columns & 15) && (kind || <usize>(rows * columns) << 2 > LARGE))
      r = eights(x, w, bias, y, columns, r, r1, kind, scratch);
    block(x, w, bias, y, columns, rows, r, r1, t, t1, kind, scratch);
  }
}

/**
 * Eight rows at a time of [r0, r1), as eight long streams, for one token and columns that are a multiple of 16: 16 bits are
 * widened in registers. Returns the first row that is left.
 */
function eights(
  x: usize, w: usize, bias: usize, y: usize, columns: i32, r0: i32, r1: i32, kind: i32, scratch: usize,
): i32 {
  let eighth = (r1 - r0) >> 3, size = <usize>(kind ? 1 : 2), stride = <usize>(columns * eighth) << size, gap = <usize>eighth << 2;
  for (let r = r0; r < r0 + eighth; r++) {
    let at = <usize>r << 2, br = bias ? bias + at : 0, wr = w + (<usize>(r * columns) << size);
    for (let k = 0; k < columns; k += COLUMNS) {
      let n = min(COLUMNS, columns - k), xk = x + (<usize>k << 2), wk = wr + (<usize>k << size);
      if (kind == F16) dots8x1<i16>(xk, wk, stride, n, y + at, gap, br, k > 0, scratch);
      else if (kind) dots8x1<u16>(xk, wk, stride, n, y + at, gap, br, k > 0, scratch);
      else dots8x1<f32>(xk, wk, stride, n, y + at, gap, br, k > 0, 0);
    }
  }
  return r0 + (eighth << 3);
}

function block(
  x: usize, w: usize, bias: usize, y: usize, columns: i32, rows: i32, r0: i32, r1: i32, t0: i32, t1: i32, kind: i32,
  scratch: usize,
): void {
  let strideX = <usize>columns << 2, strideY = <usize>rows << 2, size = <usize>(kind ? 1 : 2), row = <usize>columns << size;
  // Of few tokens the weights come from memory, which is fastest as long streams: each tile takes one row of every
  // quarter of the block. Of many they come from the cache, and neighbouring rows make neighbouring results.
  let quarter = (r1 - r0) >> 2, apart = t1 - t0 < STREAMED ? quarter : 1, step = apart == 1 ? 4 : 1;
  let gap = <usize>apart << 2, rows4 = scratch + CONSTANTS;
  for (let i = 0; i < quarter; i++) {
    let r = r0 + i * step, wr = w + row * r, br = bias ? bias + (<usize>r << 2) : 0;
    for (let k = 0; k < columns; k += COLUMNS) {
      let n = min(COLUMNS, columns - k), wk = wr + (<usize>k << size), strideW = row * apart;
      let xt = x + strideX * t0 + (<usize>k << 2), yt = y + strideY * t0 + (<usize>r << 2);
      if (kind) {
        for (let j: usize = 0; j < 4; j++) {
          if (kind == BF16) widen<u16>(wk + strideW * j, rows4 + 4 * COLUMNS * j, n, scratch);
          else widen<i16>(wk + strideW * j, rows4 + 4 * COLUMNS * j, n, scratch);
        }
        wk = rows4;
        strideW = 4 * COLUMNS;
      }
      let t = t0;
      for (; t + 2 <= t1; t += 2) {
        dots4x2(xt, strideX, wk, strideW, n, yt, strideY, gap, br, k > 0);
        xt += strideX << 1; yt += strideY << 1;
      }
      if (t < t1) dots4x1(xt, wk, strideW, n, yt, gap, br, k > 0);
    }
  }
  for (let r = r0 + (quarter << 2); r < r1; r++) {
    let wr = w + row * r, br = bias ? bias + (<usize>r << 2) : 0;
    for (let k = 0; k < columns; k += COLUMNS) {
      let n = min(COLUMNS, columns - k), wk = wr + (<usize>k << size);
      for (let t = t0; t < t1; t++) {
        let xt = x + strideX * t + (<usize>k << 2), yt = y + strideY * t + (<usize>r << 2);
        if (kind == BF16) halfDots1x1<u16>(xt, wk, n, yt, br, k > 0, scratch);
        else if (kind) halfDots1x1<i16>(xt, wk, n, yt, br, k > 0, scratch);
        else dots1x1(xt, wk, n, yt, br, k > 0);
      }
    }
  }
}
