// The score of a weight, |w·scale of its column|, as the bits of a non-negative f32: these order as the numbers do, so
// selection works on integers. The sign is cleared last: a selection never meets bits beyond its 31.

/** Score of one weight; columnScale is 0 where every scale is 1. */
export function score(weight: usize, columnScale: usize): u32 {
  let w = load<f32>(weight);
  return reinterpret<u32>(abs<f32>(columnScale ? w * load<f32>(columnScale) : w));
}

/** Scores of a row of n weights into `out`. */
export function scoreRow(weight: usize, columnScale: usize, out: usize, n: i32): void {
  let bytes = <usize>n << 2, bytes4 = bytes & ~15;
  let i: usize = 0;
  if (columnScale) for (; i < bytes4; i += 16) v128.store(out + i, f32x4.abs(f32x4.mul(v128.load(weight + i), v128.load(columnScale + i))));
  else for (; i < bytes4; i += 16) v128.store(out + i, f32x4.abs(v128.load(weight + i)));
  for (; i < bytes; i += 4) store<u32>(out + i, score(weight + i, columnScale ? columnScale + i : 0));
}
