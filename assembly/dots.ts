// Dot products of rows: the inner loop of linear layers. Four weight rows at a time keep four memory streams busy; two
// tokens at a time reuse each loaded weight. Every output is one chain of four lanes along k, four columns a step, then
// single ones: all tile shapes add in the same order, so they give the same bits.
//
// The way out in the middle of a loop is no accident: V8 moves all loads of a basic block to its top, and two steps in one
// block would need more registers than there are; accumulators then go through memory.

import { madd, sum, sums } from './lanes';

/**
 * y[t][r] = (add ? y[t][r] : bias[r] or 0) + x[t]·w[r] over n columns, for t < 2 and r < 4; strides in bytes, `gap` those
 * from one of the four results (and biases) to the next.
 */
export function dots4x2(
  x: usize, strideX: usize, w: usize, strideW: usize, n: i32, y: usize, strideY: usize, gap: usize, bias: usize, add: bool,
): void {
  let x0 = x, x1 = x + strideX;
  let w0 = w, w1 = w + strideW, w2 = w1 + strideW, w3 = w2 + strideW;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  let end = x0 + (<usize>(n & ~3) << 2);
  while (x0 < end) {
    let u = v128.load(x0), v = v128.load(x1), q = v128.load(w0);
    a0 = madd(u, q, a0); b0 = madd(v, q, b0); q = v128.load(w1);
    a1 = madd(u, q, a1); b1 = madd(v, q, b1); q = v128.load(w2);
    a2 = madd(u, q, a2); b2 = madd(v, q, b2); q = v128.load(w3);
    a3 = madd(u, q, a3); b3 = madd(v, q, b3);
    if (x0 + 16 == end) {
      x0 += 16; x1 += 16; w0 += 16; w1 += 16; w2 += 16; w3 += 16;
      break;
    }
    u = v128.load(x0, 16); v = v128.load(x1, 16); q = v128.load(w0, 16);
    a0 = madd(u, q, a0); b0 = madd(v, q, b0); q = v128.load(w1, 16);
    a1 = madd(u, q, a1); b1 = madd(v, q, b1); q = v128.load(w2, 16);
    a2 = madd(u, q, a2); b2 = madd(v, q, b2); q = v128.load(w3, 16);
    a3 = madd(u, q, a3); b3 = madd(v, q, b3);
    x0 += 32; x1 += 32; w0 += 32; w1 += 32; w2 += 32; w3 += 32;
  }
  let ya = sums(a0, a1, a2, a3), yb = sums(b0, b1, b2, b3);
  for (let rest = n & 3; rest > 0; rest--) {
    let q = column(w0, w1, w2, w3);
    ya = f32x4.add(ya, f32x4.mul(v128.load32_splat(x0), q));
    yb = f32x4.add(yb, f32x4.mul(v128.load32_splat(x1), q));
    x0 += 4; x1 += 4; w0 += 4; w1 += 4; w2 += 4; w3 += 4;
  }
  let z = y + strideY;
  let base = bias ? gathered(bias, gap) : f32x4.splat(0);
  scatter(y, gap, f32x4.add(add ? gathered(y, gap) : base, ya));
  scatter(z, gap, f32x4.add(add ? gathered(z, gap) : base, yb));
}

/** The same for one token. */
export function dots4x1(
  x: usize, w: usize, strideW: usize, n: i32, y: usize, gap: usize, bias: usize, add: bool,
): void {
  let w0 = w, w1 = w + strideW, w2 = w1 + strideW, w3 = w2 + strideW;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  let end = x + (<usize>(n & ~3) << 2);
  while (x < end) {
    let u = v128.load(x);
    a0 = madd(u, v128.load(w0), a0); a1 = madd(u, v128.load(w1), a1);
    a2 = madd(u, v128.load(w2), a2); a3 = madd(u, v128.load(w3), a3);
    if (x + 16 == end) {
      x += 16; w0 += 16; w1 += 16; w2 += 16; w3 += 16;
      break;
    }
    u = v128.load(x, 16);
    a0 = madd(u, v128.load(w0, 16), a0); a1 = madd(u, v128.load(w1, 16), a1);
    a2 = madd(u, v128.load(w2, 16), a2); a3 = madd(u, v128.load(w3, 16), a3);
    x += 32; w0 += 32; w1 += 32; w2 += 32; w3 += 32;
  }
  let s = sums(a0, a1, a2, a3);
  for (let rest = n & 3; rest > 0; rest--) {
    s = f32x4.add(s, f32x4.mul(v128.load32_splat(x), column(w0, w1, w2, w3)));
    x += 4; w0 += 4; w1 += 4; w2 += 4; w3 += 4;
  }
  deliver(y, gap, bias, add, s);
}

/** The same for one token and one row. */
export function dots1x1(x: usize, w: usize, n: i32, y: usize, bias: usize, add: bool): void {
  let a = f32x4.splat(0);
  let end4 = x + (<usize>(n & ~3) << 2);
  while (x < end4) {
    a = madd(v128.load(x), v128.load(w), a);
    x += 16; w += 16;
  }
  let s = sum(a);
  for (let rest = n & 3; rest > 0; rest--) {
    s += load<f32>(x) * load<f32>(w);
    x += 4; w += 4;
  }
  store<f32>(y, (add ? load<f32>(y) : bias ? load<f32>(bias) : 0) + s);
}

/** y = (add ? y : bias or 0) + s, for four numbers `gap` bytes apart. */
export function deliver(y: usize, gap: usize, bias: usize, add: bool, s: v128): void {
  let base = bias ? gathered(bias, gap) : f32x4.splat(0);
  scatter(y, gap, f32x4.add(add ? gathered(y, gap) : base, s));
}

/** One column of four rows, as a vector. */
export function column(w0: usize, w1: usize, w2: usize, w3: usize): v128 {
  let v = v128.load32_splat(w0);
  v = v128.load_lane<f32>(w1, v, 1);
  v = v128.load_lane<f32>(w2, v, 2);
  return v128.load_lane<f32>(w3, v, 3);
}

/** Four numbers `gap` bytes apart. */
export function gathered(at: usize, gap: usize): v128 {
  return gap == 4 ? v128.load(at) : column(at, at + gap, at + 2 * gap, at + 3 * gap);
}

/** Stores four numbers `gap` bytes apart. */
export function scatter(at: usize, gap: usize, v: v128): void {
  if (gap == 4) {
    v128.store(at, v);
    return;
  }
  v128.store_lane<f32>(at, v, 0);
  v128.store_lane<f32>(at + gap, v, 1);
  v128.store_lane<f32>(at + 2 * gap, v, 2);
  v128.store_lane<f32>(at + 3 * gap, v, 3);
}
