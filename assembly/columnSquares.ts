// Squared norm of every input of a linear layer over the tokens: the statistic behind Wanda and neuron alignment.

/** Columns of a unit. */
export const STATISTICS_COLUMNS: i32 = 16;

/** sums[c] += Σ over the T rows of x[T, columns] of x², sums in f64. A unit is 16 columns. */
export function columnSquares(x: usize, sums: usize, columns: i32, tokens: i32, begin: i32, end: i32): void {
  let stride = <usize>columns << 2, last = min(end * STATISTICS_COLUMNS, columns);
  let c = begin * STATISTICS_COLUMNS;
  for (; c + 8 <= last; c += 8) {
    let s = sums + (<usize>c << 3), p = x + (<usize>c << 2);
    let a = v128.load(s), b = v128.load(s, 16), d = v128.load(s, 32), e = v128.load(s, 48);
    for (let t = 0; t < tokens; t++) {
      let u = v128.load(p), v = v128.load(p, 16);
      a = addSquares(a, u);
      b = addSquares(b, v128.shuffle<f64>(u, u, 1, 1));
      d = addSquares(d, v);
      e = addSquares(e, v128.shuffle<f64>(v, v, 1, 1));
      p += stride;
    }
    v128.store(s, a); v128.store(s, b, 16); v128.store(s, d, 32); v128.store(s, e, 48);
  }
  for (; c < last; c++) {
    let s = sums + (<usize>c << 3), p = x + (<usize>c << 2);
    let total = load<f64>(s);
    for (let t = 0; t < tokens; t++) {
      let v = <f64>load<f32>(p);
      total += v * v;
      p += stride;
    }
    store<f64>(s, total);
  }
}

/** sums + v² for the two low lanes of v, in f64. */
function addSquares(sums: v128, v: v128): v128 {
  let d = f64x2.promote_low_f32x4(v);
  return f64x2.add(sums, f64x2.mul(d, d));
}
