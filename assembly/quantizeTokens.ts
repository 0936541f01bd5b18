// Activations as int16, each token with a scale of its own: what meets weights of int8.
//
// A token is 16 bytes, of which the first four are its scale (f32), and its columns as i16, padded with zeros to a multiple
// of eight. scale = max|x| / 32767, and a column is x / max · 32767, rounded to nearest, half to even. A token that is not
// finite has a scale that is not, and so have its products.

/** Bytes of a token before its columns. */
export const TOKEN_HEAD: i32 = 16;

/** Bytes of a token of so many columns. */
export function tokenBytes(columns: i32): usize {
  return <usize>TOKEN_HEAD + (<usize>((columns + 7) & ~7) << 1);
}

/** to[tokens] of x[tokens, columns]. A unit is a token. */
export function quantizeTokens(x: usize, to: usize, columns: i32, begin: i32, end: i32): void {
  let stride = tokenBytes(columns);
  for (let t = begin; t < end; t++) quantize(x + (<usize>t * columns << 2), to + stride * t, columns);
}

function quantize(x: usize, to: usize, columns: i32): void {
  let zero = f32x4.splat(0), largest = zero, n4 = <usize>(columns & ~3) << 2, n = <usize>columns << 2;
  for (let i: usize = 0; i < n4; i += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(x + i)));
  let most = max(max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
    max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)));
  for (let i = n4; i < n; i += 4) most = max(most, abs(load<f32>(x + i)));
  store<f32>(to, most / 32767);
  let divisor = f32x4.splat(most), factor = f32x4.splat(32767), q = to + TOKEN_HEAD;
  for (let i: usize = 0; i < n4; i += 16, q += 8) store4(q, v128.load(x + i), divisor, factor);
  if (n4 < n) {
    let v = v128.load32_zero(x + n4);
    if (n4 + 4 < n) v = v128.load_lane<f32>(x + n4 + 4, v, 1);
    if (n4 + 8 < n) v = v128.load_lane<f32>(x + n4 + 8, v, 2);
    store4(q, v, divisor, factor);
    q += 8;
  }
  if ((q - to) & 15) store<u64>(q, 0);
}

/** Four columns; 0/0 of a token of zeros becomes 0. */
// @ts-ignore: decorator
@inline
function store4(to: usize, v: v128, divisor: v128, factor: v128): void {
  let whole = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(f32x4.div(v, divisor), factor)));
  v128.store_lane<u64>(to, i16x8.narrow_i32x4_s(whole, whole), 0);
}
