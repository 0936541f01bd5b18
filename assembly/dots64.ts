// Dot products of rows in f64: the one inner loop of the inverse and of products with it. Every result is a chain of two
// lanes along k, whatever the tile. As in dots.ts, a loop leaves in its middle so that V8 keeps the accumulators in
// registers.

/** What becomes of y, given a product p: p, −p, y + p, or y − p. */
export const SET: i32 = 0;
export const NEGATE: i32 = 1;
export const ADD: i32 = 2;
export const SUBTRACT: i32 = 3;

/** y[i][j] −= x[i]·w[j] over n f64, i < rows and n even, j < columns a multiple of 4; x and w of one stride, in bytes. */
export function subtractProducts(
  x: usize, rows: i32, w: usize, columns: i32, stride: usize, n: i32, y: usize, strideY: usize,
): void {
  for (let j = 0; j < columns; j += 4) {
    let xi = x, wj = w + <usize>j * stride, yi = y + (<usize>j << 3);
    for (let i = 0; i < rows; i += 2) {
      dots2x4(xi, stride, wj, stride, n, yi, strideY, SUBTRACT);
      xi += 2 * stride; yi += 2 * strideY;
    }
  }
}

/** What `mode` makes of y[i][j] with x[i]·w[j] over n f64, i < 2 and j < 4; n even and above 0, strides in bytes. */
export function dots2x4(
  x: usize, strideX: usize, w: usize, strideW: usize, n: i32, y: usize, strideY: usize, mode: i32,
): void {
  let x0 = x, x1 = x + strideX;
  let w0 = w, w1 = w + strideW, w2 = w1 + strideW, w3 = w2 + strideW;
  let a0 = f64x2.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  let end = x0 + (<usize>n << 3);
  while (x0 < end) {
    let u = v128.load(x0), v = v128.load(x1), q = v128.load(w0);
    a0 = madd(u, q, a0); b0 = madd(v, q, b0); q = v128.load(w1);
    a1 = madd(u, q, a1); b1 = madd(v, q, b1); q = v128.load(w2);
    a2 = madd(u, q, a2); b2 = madd(v, q, b2); q = v128.load(w3);
    a3 = madd(u, q, a3); b3 = madd(v, q, b3);
    if (x0 + 16 == end) break;
    u = v128.load(x0, 16); v = v128.load(x1, 16); q = v128.load(w0, 16);
    a0 = madd(u, q, a0); b0 = madd(v, q, b0); q = v128.load(w1, 16);
    a1 = madd(u, q, a1); b1 = madd(v, q, b1); q = v128.load(w2, 16);
    a2 = madd(u, q, a2); b2 = madd(v, q, b2); q = v128.load(w3, 16);
    a3 = madd(u, q, a3); b3 = madd(v, q, b3);
    x0 += 32; x1 += 32; w0 += 32; w1 += 32; w2 += 32; w3 += 32;
  }
  put(y, a0, a1, mode);
  put(y + 16, a2, a3, mode);
  put(y + strideY, b0, b1, mode);
  put(y + strideY + 16, b2, b3, mode);
}

/** The lane sums of a and b, for two numbers. */
function put(y: usize, a: v128, b: v128, mode: i32): void {
  let sums = f64x2.add(v128.shuffle<f64>(a, b, 0, 2), v128.shuffle<f64>(a, b, 1, 3));
  if (mode & 1) sums = f64x2.neg(sums);
  v128.store(y, mode & 2 ? f64x2.add(v128.load(y), sums) : sums);
}

/** a·b + c. */
function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(a, b, c);
  return f64x2.add(f64x2.mul(a, b), c);
}
