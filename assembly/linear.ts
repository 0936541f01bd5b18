// y[T, rows] = x[T, columns] · W[rows, columns]ᵀ + bias. W is used as Hugging Face stores it, row-major and unpacked,
// so that pruning can edit it in place and one layout serves one token and thousands. As bf16 it is widened in registers:
// half the memory to read, and the bits that the same numbers in f32 give.

import { dots1x1, dots4x1, dots4x2 } from './dots';

/** A unit is LINEAR_ROWS rows of W for LINEAR_TOKENS tokens: W's part stays in the first cache, x's in the second. */
export const LINEAR_ROWS: i32 = 32;
export const LINEAR_TOKENS: i32 = 256;
/** Columns at a time; partial sums go through y. */
const COLUMNS: i32 = 512;
/** Fewer tokens than these read weights as streams. */
const STREAMED: i32 = 16;

/**
 * Units: row blocks vary fastest, ⌈rows/32⌉ of them for each of ⌈T/256⌉ token blocks. bias may be 0. W is of f32, or of
 * bf16 if `half`.
 */
export function linear(
  x: usize, w: usize, bias: usize, y: usize, columns: i32, rows: i32, tokens: i32, half: bool, begin: i32, end: i32,
): void {
  let rowBlocks = (rows + LINEAR_ROWS - 1) / LINEAR_ROWS;
  for (let unit = begin; unit < end; unit++) {
    let r = (unit % rowBlocks) * LINEAR_ROWS, t = (unit / rowBlocks) * LINEAR_TOKENS;
    let r1 = min(r + LINEAR_ROWS, rows), t1 = min(t + LINEAR_TOKENS, tokens);
    if (half) block<u16>(x, w, bias, y, columns, rows, r, r1, t, t1);
    else block<f32>(x, w, bias, y, columns, rows, r, r1, t, t1);
  }
}

function block<W>(
  x: usize, w: usize, bias: usize, y: usize, columns: i32, rows: i32, r0: i32, r1: i32, t0: i32, t1: i32,
): void {
  let strideX = <usize>columns << 2, strideY = <usize>rows << 2, row = <usize>columns * sizeof<W>();
  // Of few tokens the weights come from memory, which is fastest as four long streams: each tile takes one row of every
  // quarter of the block. Of many they come from the cache, and neighbouring rows make neighbouring results.
  let quarter = (r1 - r0) >> 2, apart = t1 - t0 < STREAMED ? quarter : 1, step = apart == 1 ? 4 : 1;
  let strideW = row * apart, gap = <usize>apart << 2;
  for (let i = 0; i < quarter; i++) {
    let r = r0 + i * step, wr = w + <usize>r * row, br = bias ? bias + (<usize>r << 2) : 0;
    for (let k = 0; k < columns; k += COLUMNS) {
      let n = min(COLUMNS, columns - k), wk = wr + <usize>k * sizeof<W>();
      let xt = x + <usize>t0 * strideX + (<usize>k << 2), yt = y + <usize>t0 * strideY + (<usize>r << 2);
      let t = t0;
      for (; t + 2 <= t1; t += 2) {
        dots4x2<W>(xt, strideX, wk, strideW, n, yt, strideY, gap, br, k > 0);
        xt += strideX << 1; yt += strideY << 1;
      }
      if (t < t1) dots4x1<W>(xt, wk, strideW, n, yt, gap, br, k > 0);
    }
  }
  for (let r = r0 + (quarter << 2); r < r1; r++) {
    let wr = w + <usize>r * row, br = bias ? bias + (<usize>r << 2) : 0;
    for (let k = 0; k < columns; k += COLUMNS) {
      let n = min(COLUMNS, columns - k);
      for (let t = t0; t < t1; t++)
        dots1x1<W>(
          x + <usize>t * strideX + (<usize>k << 2), wr + <usize>k * sizeof<W>(), n,
          y + <usize>t * strideY + (<usize>r << 2), br, k > 0,
        );
    }
  }
}
