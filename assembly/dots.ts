// Dot products of rows: the inner loop of linear layers. Four weight rows at a time keep four memory streams busy; two
// tokens at a time reuse each loaded weight. Every output is one chain of four lanes along k, four columns a step, then
// single ones: all tile shapes add in the same order, so they give the same bits.
//
// The way out in the middle of a loop is no accident: V8 moves all loads of a basic block to its top, and two steps in one
// block would need more registers than there are; accumulators then go through memory.

import { madd, sum, sums } from './lanes';

/** Four weights, of f32 or (u16) of bf16. */
// @ts-ignore: decorator
@inline
function four<W>(at: usize): v128 {
  if (sizeof<W>() == 2) return i32x4.shl(v128.load_ext<u16>(at), 16);
  return v128.load(at);
}

/** The four behind them. */
// @ts-ignore: decorator
@inline
function next<W>(at: usize): v128 {
  if (sizeof<W>() == 2) return i32x4.shl(v128.load_ext<u16>(at, 8), 16);
  return v128.load(at, 16);
}

/** One weight, in the first lane. */
// @ts-ignore: decorator
@inline
function one<W>(at: usize): v128 {
  if (sizeof<W>() == 2) return i32x4.splat(<i32>load<u16>(at) << 16);
  return v128.load32_splat(at);
}

/**
 * y[t][r] = (add ? y[t][r] : bias[r] or 0) + x[t]·w[r] over n columns, for t < 2 and r < 4; strides in bytes, `gap` those
 * from one of the four results (and biases) to the next.
 */
export function dots4x2<W>(
  x: usize, strideX: usize, w: usize, strideW: usize, n: i32, y: usize, strideY: usize, gap: usize, bias: usize, add: bool,
): void {
  let x0 = x, x1 = x + strideX;
  let w0 = w, w1 = w + strideW, w2 = w1 + strideW, w3 = w2 + strideW;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  let end = x0 + (<usize>(n & ~3) << 2);
  while (x0 < end) {
    let u = v128.load(x0), v = v128.load(x1), q = four<W>(w0);
    a0 = madd(u, q, a0); b0 = madd(v, q, b0); q = four<W>(w1);
    a1 = madd(u, q, a1); b1 = madd(v, q, b1); q = four<W>(w2);
    a2 = madd(u, q, a2); b2 = madd(v, q, b2); q = four<W>(w3);
    a3 = madd(u, q, a3); b3 = madd(v, q, b3);
    if (x0 + 16 == end) {
      x0 += 16; x1 += 16; w0 += 4 * sizeof<W>(); w1 += 4 * sizeof<W>(); w2 += 4 * sizeof<W>(); w3 += 4 * sizeof<W>();
      break;
    }
    u = v128.load(x0, 16); v = v128.load(x1, 16); q = next<W>(w0);
    a0 = madd(u, q, a0); b0 = madd(v, q, b0); q = next<W>(w1);
    a1 = madd(u, q, a1); b1 = madd(v, q, b1); q = next<W>(w2);
    a2 = madd(u, q, a2); b2 = madd(v, q, b2); q = next<W>(w3);
    a3 = madd(u, q, a3); b3 = madd(v, q, b3);
    x0 += 32; x1 += 32; w0 += 8 * sizeof<W>(); w1 += 8 * sizeof<W>(); w2 += 8 * sizeof<W>(); w3 += 8 * sizeof<W>();
  }
  let ya = sums(a0, a1, a2, a3), yb = sums(b0, b1, b2, b3);
  for (let rest = n & 3; rest > 0; rest--) {
    let q = columnOf<W>(w0, w1, w2, w3);
    ya = f32x4.add(ya, f32x4.mul(v128.load32_splat(x0), q));
    yb = f32x4.add(yb, f32x4.mul(v128.load32_splat(x1), q));
    x0 += 4; x1 += 4; w0 += sizeof<W>(); w1 += sizeof<W>(); w2 += sizeof<W>(); w3 += sizeof<W>();
  }
  let z = y + strideY;
  let base = bias ? gathered(bias, gap) : f32x4.splat(0);
  scatter(y, gap, f32x4.add(add ? gathered(y, gap) : base, ya));
  scatter(z, gap, f32x4.add(add ? gathered(z, gap) : base, yb));
}

/** The same for one token. */
export function dots4x1<W>(
  x: usize, w: usize, strideW: usize, n: i32, y: usize, gap: usize, bias: usize, add: bool,
): void {
  let w0 = w, w1 = w + strideW, w2 = w1 + strideW, w3 = w2 + strideW;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  let end = x + (<usize>(n & ~3) << 2);
  while (x < end) {
    let u = v128.load(x);
    a0 = madd(u, four<W>(w0), a0); a1 = madd(u, four<W>(w1), a1);
    a2 = madd(u, four<W>(w2), a2); a3 = madd(u, four<W>(w3), a3);
    if (x + 16 == end) {
      x += 16; w0 += 4 * sizeof<W>(); w1 += 4 * sizeof<W>(); w2 += 4 * sizeof<W>(); w3 += 4 * sizeof<W>();
      break;
    }
    u = v128.load(x, 16);
    a0 = madd(u, next<W>(w0), a0); a1 = madd(u, next<W>(w1), a1);
    a2 = madd(u, next<W>(w2), a2); a3 = madd(u, next<W>(w3), a3);
    x += 32; w0 += 8 * sizeof<W>(); w1 += 8 * sizeof<W>(); w2 += 8 * sizeof<W>(); w3 += 8 * sizeof<W>();
  }
  let s = sums(a0, a1, a2, a3);
  for (let rest = n & 3; rest > 0; rest--) {
    s = f32x4.add(s, f32x4.mul(v128.load32_splat(x), columnOf<W>(w0, w1, w2, w3)));
    x += 4; w0 += sizeof<W>(); w1 += sizeof<W>(); w2 += sizeof<W>(); w3 += sizeof<W>();
  }
  let base = bias ? gathered(bias, gap) : f32x4.splat(0);
  scatter(y, gap, f32x4.add(add ? gathered(y, gap) : base, s));
}

/** The same for one token and one row. */
export function dots1x1<W>(x: usize, w: usize, n: i32, y: usize, bias: usize, add: bool): void {
  let a = f32x4.splat(0);
  let end4 = x + (<usize>(n & ~3) << 2);
  while (x < end4) {
    a = madd(v128.load(x), four<W>(w), a);
    x += 16; w += 4 * sizeof<W>();
  }
  let s = sum(a);
  for (let rest = n & 3; rest > 0; rest--) {
    s += load<f32>(x) * f32x4.extract_lane(one<W>(w), 0);
    x += 4; w += sizeof<W>();
  }
  store<f32>(y, (add ? load<f32>(y) : bias ? load<f32>(bias) : 0) + s);
}

/** One column of four weight rows, as a vector. */
function columnOf<W>(w0: usize, w1: usize, w2: usize, w3: usize): v128 {
  if (sizeof<W>() == 4) return column(w0, w1, w2, w3);
  let v = i32x4.splat(<i32>load<u16>(w0));
  v = i32x4.replace_lane(v, 1, <i32>load<u16>(w1));
  v = i32x4.replace_lane(v, 2, <i32>load<u16>(w2));
  return i32x4.shl(i32x4.replace_lane(v, 3, <i32>load<u16>(w3)), 16);
}

/** Four numbers at four places, as a vector. */
export function column(w0: usize, w1: usize, w2: usize, w3: usize): v128 {
  let v = v128.load32_splat(w0);
  v = v128.load_lane<f32>(w1, v, 1);
  v = v128.load_lane<f32>(w2, v, 2);
  return v128.load_lane<f32>(w3, v, 3);
}

/** Four numbers `gap` bytes apart. */
function gathered(at: usize, gap: usize): v128 {
  return gap == 4 ? v128.load(at) : column(at, at + gap, at + 2 * gap, at + 3 * gap);
}

/** Stores four numbers `gap` bytes apart. */
function scatter(at: usize, gap: usize, v: v128): void {
  if (gap == 4) {
    v128.store(at, v);
    return;
  }
  v128.store_lane<f32>(at, v, 0);
  v128.store_lane<f32>(at + gap, v, 1);
  v128.store_lane<f32>(at + 2 * gap, v, 2);
  v128.store_lane<f32>(at + 3 * gap, v, 3);
}
