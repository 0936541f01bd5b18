// y[T, rows] = x[T, columns] · Wᵀ + bias for a W of int8 with a scale for each row, and tokens of int16 (quantizeTokens.ts).
// The products of 512 columns are added up as integers, exactly; from there on sums are f32, in the order of the columns:
// so results have the same bits in every build, for any number of threads, and for a token alone and among others.

import { gathered, scatter } from './dots';
import { LINEAR_TOKENS, STREAMED } from './linear';
import { TOKEN_HEAD, tokenBytes } from './quantizeTokens';

/** Columns at a time: 512 · 127 · 32767 fits an i32. */
const COLUMNS: i32 = 512;

/** scale[rows]; bias[rows] or 0. Units as of `linear`. */
export function int8Linear(
  tokens: usize, w: usize, scale: usize, bias: usize, y: usize, columns: i32, rows: i32, count: i32, height: i32, begin: i32,
  end: i32,
): void {
  let rowBlocks = (rows + height - 1) / height;
  for (let unit = begin; unit < end; unit++) {
    let r = (unit % rowBlocks) * height, t = (unit / rowBlocks) * LINEAR_TOKENS;
    block(tokens, w, scale, bias, y, columns, rows, r, min(r + height, rows), t, min(t + LINEAR_TOKENS, count));
  }
}

function block(
  tokens: usize, w: usize, scale: usize, bias: usize, y: usize, columns: i32, rows: i32, r0: i32, r1: i32, t0: i32, t1: i32,
): void {
  let strideX = tokenBytes(columns), strideY = <usize>rows << 2, row = <usize>columns;
  // Four long streams or four neighbours, as in linear.ts.
  let quarter = (r1 - r0) >> 2, apart = t1 - t0 < STREAMED ? quarter : 1, step = apart == 1 ? 4 : 1, gap = <usize>apart << 2;
  for (let i = 0; i < quarter; i++) {
    let r = r0 + i * step, wr = w + row * r, s = gathered(scale + (<usize>r << 2), gap);
    let b = bias ? gathered(bias + (<usize>r << 2), gap) : f32x4.splat(0);
    for (let k = 0; k < columns; k += COLUMNS) {
      let n = min(COLUMNS, columns - k), wk = wr + k, last = k + n == columns, t = t0;
      let token = tokens + strideX * t0, yt = y + strideY * t0 + (<usize>r << 2);
      for (; t + 2 <= t1; t += 2) {
        dots4x2(token, strideX, k, wk, row * apart, n, yt, strideY, gap, last, s, b);
        token += strideX << 1; yt += strideY << 1;
      }
      if (t < t1) dots4x1(token, k, wk, row * apart, n, yt, gap, last, s, b);
    }
  }
  for (let r = r0 + (quarter << 2); r < r1; r++)
    for (let t = t0; t < t1; t++) dots1x1(tokens + strideX * t, w + row * r, columns, scale, bias, r, y + strideY * t);
}

/** sum + the products of eight columns, two to a lane. */
// @ts-ignore: decorator
@inline
function dot(x: v128, w: v128, sum: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(x, w));
}

/** The columns [k, k + n) of two tokens and four rows; the way out in the middle is as in dots.ts. */
function dots4x2(
  token: usize, strideX: usize, k: i32, w: usize, strideW: usize, n: i32, y: usize, strideY: usize, gap: usize, last: bool,
  scale: v128, bias: v128,
): void {
  let x0 = token + TOKEN_HEAD + (<usize>k << 1), x1 = x0 + strideX, end = x0 + (<usize>(n & ~7) << 1);
  let w0 = w, w1 = w + strideW, w2 = w1 + strideW, w3 = w2 + strideW;
  let a0 = i32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  while (x0 < end) {
    let u = v128.load(x0), v = v128.load(x1), q = v128.load_ext<i8>(w0);
    a0 = dot(u, q, a0); b0 = dot(v, q, b0); q = v128.load_ext<i8>(w1);
    a1 = dot(u, q, a1); b1 = dot(v, q, b1); q = v128.load_ext<i8>(w2);
    a2 = dot(u, q, a2); b2 = dot(v, q, b2); q = v128.load_ext<i8>(w3);
    a3 = dot(u, q, a3); b3 = dot(v, q, b3);
    if (x0 + 16 == end) {
      x0 += 16; x1 += 16; w0 += 8; w1 += 8; w2 += 8; w3 += 8;
      break;
    }
    u = v128.load(x0, 16); v = v128.load(x1, 16); q = v128.load_ext<i8>(w0, 8);
    a0 = dot(u, q, a0); b0 = dot(v, q, b0); q = v128.load_ext<i8>(w1, 8);
    a1 = dot(u, q, a1); b1 = dot(v, q, b1); q = v128.load_ext<i8>(w2, 8);
    a2 = dot(u, q, a2); b2 = dot(v, q, b2); q = v128.load_ext<i8>(w3, 8);
    a3 = dot(u, q, a3); b3 = dot(v, q, b3);
    x0 += 32; x1 += 32; w0 += 16; w1 += 16; w2 += 16; w3 += 16;
  }
  let c = sums(a0, a1, a2, a3), d = sums(b0, b1, b2, b3);
  for (let rest = n & 7; rest > 0; rest--) {
    let q = column(w0, w1, w2, w3);
    c = i32x4.add(c, i32x4.mul(i32x4.splat(load<i16>(x0)), q));
    d = i32x4.add(d, i32x4.mul(i32x4.splat(load<i16>(x1)), q));
    x0 += 2; x1 += 2; w0++; w1++; w2++; w3++;
  }
  deliver(y, gap, c, k > 0, last, scale, load<f32>(token), bias);
  deliver(y + strideY, gap, d, k > 0, last, scale, load<f32>(token + strideX), bias);
}

/** The same for one token; of each row half a cache line at a time, as in streams.ts. */
function dots4x1(
  token: usize, k: i32, w: usize, strideW: usize, n: i32, y: usize, gap: usize, last: bool, scale: v128, bias: v128,
): void {
  let x = token + TOKEN_HEAD + (<usize>k << 1);
  let w0 = w, w1 = w + strideW, w2 = w1 + strideW, w3 = w2 + strideW;
  let a0 = i32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  for (let end = x + (<usize>(n & ~31) << 1); x < end; x += 64) {
    let u = v128.load(x), v = v128.load(x, 16), s = v128.load(x, 32), t = v128.load(x, 48);
    a0 = thirtyTwo(u, v, s, t, w0, a0); if (!w1) break;
    a1 = thirtyTwo(u, v, s, t, w1, a1); if (!w2) break;
    a2 = thirtyTwo(u, v, s, t, w2, a2); if (!w3) break;
    a3 = thirtyTwo(u, v, s, t, w3, a3);
    w0 += 32; w1 += 32; w2 += 32; w3 += 32;
  }
  for (let end = x + (<usize>(n & 24) << 1); x < end; x += 16) {
    let u = v128.load(x);
    a0 = dot(u, v128.load_ext<i8>(w0), a0); a1 = dot(u, v128.load_ext<i8>(w1), a1);
    a2 = dot(u, v128.load_ext<i8>(w2), a2); a3 = dot(u, v128.load_ext<i8>(w3), a3);
    w0 += 8; w1 += 8; w2 += 8; w3 += 8;
  }
  let c = sums(a0, a1, a2, a3);
  for (let rest = n & 7; rest > 0; rest--) {
    c = i32x4.add(c, i32x4.mul(i32x4.splat(load<i16>(x)), column(w0, w1, w2, w3)));
    x += 2; w0++; w1++; w2++; w3++;
  }
  deliver(y, gap, c, k > 0, last, scale, load<f32>(token), bias);
}

/** sum + the products of 32 columns of a row, which begin at w. */
// @ts-ignore: decorator
@inline
function thirtyTwo(u: v128, v: v128, s: v128, t: v128, w: usize, sum: v128): v128 {
  sum = dot(v, v128.load_ext<i8>(w, 8), dot(u, v128.load_ext<i8>(w), sum));
  return dot(t, v128.load_ext<i8>(w, 24), dot(s, v128.load_ext<i8>(w, 16), sum));
}

/** All columns of one token and one row. */
function dots1x1(token: usize, w: usize, columns: i32, scale: usize, bias: usize, r: i32, y: usize): void {
  let sum: f32 = 0, x = token + TOKEN_HEAD;
  for (let k = 0; k < columns; k += COLUMNS) {
    let a: i32 = 0;
    for (let n = min(COLUMNS, columns - k); n > 0; n--) {
      a += <i32>load<i16>(x) * <i32>load<i8>(w);
      x += 2; w++;
    }
    sum += <f32>a;
  }
  let at = <usize>r << 2, value: f32 = sum * load<f32>(scale + at) * load<f32>(token);
  store<f32>(y + at, value + (bias ? load<f32>(bias + at) : 0));
}

/** One weight of four rows. */
function column(w0: usize, w1: usize, w2: usize, w3: usize): v128 {
  let q = i32x4.replace_lane(i32x4.splat(load<i8>(w0)), 1, load<i8>(w1));
  return i32x4.replace_lane(i32x4.replace_lane(q, 2, load<i8>(w2)), 3, load<i8>(w3));
}

/** The four sums of lanes. */
// @ts-ignore: decorator
@inline
function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  let ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  let cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

/** Adds integer sums to what stands at y; after the last columns the scales and the bias. */
// @ts-ignore: decorator
@inline
function deliver(
  y: usize, gap: usize, c: v128, add: bool, last: bool, scale: v128, ofToken: f32, bias: v128,
): void {
  let v = f32x4.convert_i32x4_s(c);
  if (add) v = f32x4.add(gathered(y, gap), v);
  if (last) v = f32x4.add(f32x4.mul(f32x4.mul(v, scale), f32x4.splat(ofToken)), bias);
  scatter(y, gap, v);
}
