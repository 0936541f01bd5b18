// The scores of a row, as the bits of non-negative f32: these order as the numbers do, so selection works on integers.
// The sign is cleared last: a selection never meets bits beyond its 31.

/**
 * |source · (row·column)| of the n entries of row r into `scores`; `column` (n factors) and `row` (one for each row) are
 * 0 where every factor is 1.
 */
export function scoreRow(source: usize, column: usize, row: usize, r: i32, n: i32, scores: usize): void {
  let bytes = <usize>n << 2, bytes4 = bytes & ~15, from = source + <usize>r * bytes;
  let factor: f32 = row ? load<f32>(row + (<usize>r << 2)) : 1, factors = f32x4.splat(factor);
  let i: usize = 0;
  if (column)
    for (; i < bytes4; i += 16)
      v128.store(scores + i, f32x4.abs(f32x4.mul(v128.load(from + i), f32x4.mul(factors, v128.load(column + i)))));
  else for (; i < bytes4; i += 16) v128.store(scores + i, f32x4.abs(f32x4.mul(v128.load(from + i), factors)));
  for (; i < bytes; i += 4)
    store<f32>(scores + i, abs<f32>(load<f32>(from + i) * (column ? factor * load<f32>(column + i) : factor)));
}

/** out = weight where its score is above `limit`, else 0, over the entries from byte `begin` to byte `end` of a row. */
export function keepAbove(weight: usize, scores: usize, out: usize, begin: usize, end: usize, limit: i32): void {
  let limits = i32x4.splat(limit), i = begin;
  for (; i + 16 <= end; i += 16)
    v128.store(out + i, v128.and(v128.load(weight + i), i32x4.gt_s(v128.load(scores + i), limits)));
  for (; i < end; i += 4) store<u32>(out + i, load<i32>(scores + i) > limit ? load<u32>(weight + i) : 0);
}
