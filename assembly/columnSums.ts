// Sum and squared norm of every input of a linear layer over the tokens: the statistics behind Wanda, neuron alignment and
// DSnoT.

/** Columns of a unit. */
export const STATISTICS_COLUMNS: i32 = 16;

/** sums[c] += Σ over the T rows of x[T, columns] of x², sums in f64. A unit is 16 columns. */
export function columnSquares(x: usize, sums: usize, columns: i32, tokens: i32, begin: i32, end: i32): void {
  addColumns(x, sums, columns, tokens, begin, end, true);
}

/** sums[c] += Σ over the T rows of x[T, columns] of x, sums in f64. A unit is 16 columns. */
export function columnSums(x: usize, sums: usize, columns: i32, tokens: i32, begin: i32, end: i32): void {
  addColumns(x, sums, columns, tokens, begin, end, false);
}

/** Both, eight columns at a time. Inlined by decree: one of them each, with no choice left in the loop. */
// @ts-ignore: decorator
@inline
function addColumns(x: usize, sums: usize, columns: i32, tokens: i32, begin: i32, end: i32, squared: bool): void {
  let stride = <usize>columns << 2, last = min(end * STATISTICS_COLUMNS, columns);
  let c = begin * STATISTICS_COLUMNS;
  for (; c + 8 <= last; c += 8) {
    let s = sums + (<usize>c << 3), p = x + (<usize>c << 2);
    let a = v128.load(s), b = v128.load(s, 16), d = v128.load(s, 32), e = v128.load(s, 48);
    for (let t = 0; t < tokens; t++) {
      let u = v128.load(p), v = v128.load(p, 16);
      a = addLow(a, u, squared);
      b = addLow(b, v128.shuffle<f64>(u, u, 1, 1), squared);
      d = addLow(d, v, squared);
      e = addLow(e, v128.shuffle<f64>(v, v, 1, 1), squared);
      p += stride;
    }
    v128.store(s, a); v128.store(s, b, 16); v128.store(s, d, 32); v128.store(s, e, 48);
  }
  for (; c < last; c++) {
    let s = sums + (<usize>c << 3), p = x + (<usize>c << 2);
    let total = load<f64>(s);
    for (let t = 0; t < tokens; t++) {
      let v = <f64>load<f32>(p);
      total += squared ? v * v : v;
      p += stride;
    }
    store<f64>(s, total);
  }
}

/** sums + v or v² for the two low lanes of v, in f64. */
// @ts-ignore: decorator
@inline
function addLow(sums: v128, v: v128, squared: bool): v128 {
  let d = f64x2.promote_low_f32x4(v);
  return f64x2.add(sums, squared ? f64x2.mul(d, d) : d);
}
