// Causal attention with grouped heads, as tiles of queries that walk over blocks of keys with a running softmax
// (FlashAttention's order of work, arXiv 2205.14135): scratch is one tile of scores, whatever the number of tokens.

import { dots1x1, dots4x1, dots4x2 } from './dots';
import { exp, largest, madd, sum } from './lanes';
import { capped } from './softcap';

/** Queries of a tile and keys of a block. */
export const ATTENTION_QUERIES: i32 = 8;
const KEYS: i32 = 64;
const SCORE_ROW: usize = 256;
/** Scratch of a thread: a tile of scores, then for each query the running maximum and the running sum. */
const MAXIMA: usize = 2048;
const TOTALS: usize = 2080;
export const ATTENTION_SCRATCH: i32 = 2112;

/**
 * y and q: [sequences·queries, heads·headDim]; k and v: [sequences·keys, kvHeads·headDim]; query i of a sequence sees
 * its keys up to p = keys − queries + i, and of these the last `window`. Scores become softcap·tanh(score / softcap)
 * where softcap is not 0. A unit is a tile of one head: tiles vary fastest, then heads, then sequences.
 */
export function attention(
  q: usize, k: usize, v: usize, y: usize, heads: i32, kvHeads: i32, headDim: i32, queries: i32, keys: i32, scale: f32,
  window: i32, softcap: f32, scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  scratch += stride * thread;
  let tiles = (queries + ATTENTION_QUERIES - 1) / ATTENTION_QUERIES, group = heads / kvHeads;
  let strideQ = <usize>(heads * headDim) << 2, strideK = <usize>(kvHeads * headDim) << 2;
  for (let unit = begin; unit < end; unit++) {
    // The last tiles see most keys: they come first, so that the threads finish together.
    let first = (tiles - 1 - (unit % tiles)) * ATTENTION_QUERIES, head = (unit / tiles) % heads, sequence = unit / (tiles * heads);
    let row = <usize>sequence * queries + first;
    let inQ = row * strideQ + (<usize>(head * headDim) << 2);
    let inK = <usize>sequence * keys * strideK + (<usize>((head / group) * headDim) << 2);
    let count = min(ATTENTION_QUERIES, queries - first), position = keys - queries + first;
    tile(
      q + inQ, k + inK, v + inK, y + inQ, strideQ, strideK, headDim, count, position, scale, window, softcap, scratch,
    );
  }
}

/**
 * `count` queries of one head; the first of them stands at `position`. Blocks begin at multiples of KEYS whatever the
 * window, so that a query gets the same bits in every tile; those before the first query's window are not visited.
 */
function tile(
  q: usize, k: usize, v: usize, y: usize, strideQ: usize, strideK: usize, headDim: i32, count: i32, position: i32,
  scale: f32, window: i32, softcap: f32, scratch: usize,
): void {
  for (let i = 0; i < count; i++) {
    memory.fill(y + <usize>i * strideQ, 0, <usize>headDim << 2);
    store<f32>(scratch + MAXIMA + (<usize>i << 2), -f32.MAX_VALUE);
    store<f32>(scratch + TOTALS + (<usize>i << 2), 0);
  }
  let last = position + count, oldest = position + 1 - window;
  for (let from = max(0, oldest) & -KEYS; from < last; from += KEYS) {
    let n = min(KEYS, last - from), at = <usize>from * strideK;
    scores(q, k + at, strideQ, strideK, headDim, count, n, scratch);
    for (let i = 0; i < count; i++) {
      let low = oldest + i - from, high = position + i + 1 - from;
      softmax(scratch, i, n, low, high, scale, softcap, y + <usize>i * strideQ, headDim);
    }
    let i = 0;
    for (; i + 2 <= count; i += 2)
      mix2(scratch + <usize>i * SCORE_ROW, v + at, y + <usize>i * strideQ, strideQ, strideK, headDim, n);
    if (i < count) mix1(scratch + <usize>i * SCORE_ROW, v + at, y + <usize>i * strideQ, strideK, headDim, n);
  }
  for (let i = 0; i < count; i++)
    multiply(y + <usize>i * strideQ, headDim, 1 / load<f32>(scratch + TOTALS + (<usize>i << 2)));
}

/** scratch[i][j] = q[i]·k[j]. */
function scores(
  q: usize, k: usize, strideQ: usize, strideK: usize, headDim: i32, count: i32, n: i32, scratch: usize,
): void {
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    let kj = k + <usize>j * strideK, s = scratch + (<usize>j << 2);
    let i = 0;
    for (; i + 2 <= count; i += 2)
      dots4x2(q + <usize>i * strideQ, strideQ, kj, strideK, headDim, s + <usize>i * SCORE_ROW, SCORE_ROW, 0, false);
    if (i < count) dots4x1(q + <usize>i * strideQ, kj, strideK, headDim, s + <usize>i * SCORE_ROW, 0, false);
  }
  for (; j < n; j++)
    for (let i = 0; i < count; i++)
      dots1x1(
        q + <usize>i * strideQ, k + <usize>j * strideK, headDim, scratch + <usize>i * SCORE_ROW + (<usize>j << 2), 0, false,
      );
}

/**
 * Row i of the scores, of which columns [low, high) are visible, becomes weights relative to the running maximum; what
 * y holds so far is brought to the same maximum. A query that sees nothing of the block gets zeros; its state stays.
 */
function softmax(
  scratch: usize, i: i32, n: i32, low: i32, high: i32, scale: f32, softcap: f32, y: usize, headDim: i32,
): void {
  let row = scratch + <usize>i * SCORE_ROW, padded = (n + 3) & ~3, bytes = <usize>padded << 2;
  if (high <= 0 || low >= n) {
    memory.fill(row, 0, bytes);
    return;
  }
  if (softcap != 0) {
    let c = f32x4.splat(softcap), f = f32x4.splat(scale / softcap);
    for (let b: usize = 0; b < bytes; b += 16) v128.store(row + b, capped(v128.load(row + b), c, f));
    scale = 1;
  }
  for (let j = 0; j < low; j++) store<f32>(row + (<usize>j << 2), -Infinity);
  for (let j = min(high, n); j < padded; j++) store<f32>(row + (<usize>j << 2), -Infinity);
  let atMax = scratch + MAXIMA + (<usize>i << 2), atTotal = scratch + TOTALS + (<usize>i << 2);
  let top = f32x4.splat(-f32.MAX_VALUE), factor = f32x4.splat(scale);
  for (let b: usize = 0; b < bytes; b += 16) top = f32x4.pmax(top, f32x4.mul(v128.load(row + b), factor));
  let before = load<f32>(atMax), now = max(before, largest(top));
  let shift = f32x4.splat(now), total = f32x4.splat(0);
  for (let b: usize = 0; b < bytes; b += 16) {
    let p = exp(f32x4.sub(f32x4.mul(v128.load(row + b), factor), shift));
    v128.store(row + b, p);
    total = f32x4.add(total, p);
  }
  let shrink = f32x4.extract_lane(exp(f32x4.splat(before - now)), 0);
  store<f32>(atMax, now);
  store<f32>(atTotal, load<f32>(atTotal) * shrink + sum(total));
  if (shrink != 1) multiply(y, headDim, shrink);
}

/** y[n] *= factor. */
function multiply(y: usize, n: i32, factor: f32): void {
  let bytes = <usize>n << 2, bytes4 = bytes & ~15;
  let i: usize = 0;
  for (; i < bytes4; i += 16) v128.store(y + i, f32x4.mul(v128.load(y + i), f32x4.splat(factor)));
  for (; i < bytes; i += 4) store<f32>(y + i, load<f32>(y + i) * factor);
}

/** y[i] += Σ over n keys of weight[i][j]·v[j], for two queries. */
function mix2(weights: usize, v: usize, y: usize, strideY: usize, strideV: usize, headDim: i32, n: i32): void {
  let bytes = <usize>headDim << 2, stop = weights + (<usize>n << 2), z = y + strideY;
  let d: usize = 0;
  for (; d + 64 <= bytes; d += 64) {
    let yd = y + d, zd = z + d, vd = v + d;
    let a0 = v128.load(yd), a1 = v128.load(yd, 16), a2 = v128.load(yd, 32), a3 = v128.load(yd, 48);
    let b0 = v128.load(zd), b1 = v128.load(zd, 16), b2 = v128.load(zd, 32), b3 = v128.load(zd, 48);
    for (let w = weights; w < stop; w += 4) {
      let s = v128.load32_splat(w), t = v128.load32_splat(w, SCORE_ROW), u = v128.load(vd);
      a0 = madd(s, u, a0); b0 = madd(t, u, b0); u = v128.load(vd, 16);
      a1 = madd(s, u, a1); b1 = madd(t, u, b1); u = v128.load(vd, 32);
      a2 = madd(s, u, a2); b2 = madd(t, u, b2); u = v128.load(vd, 48);
      a3 = madd(s, u, a3); b3 = madd(t, u, b3);
      vd += strideV;
    }
    v128.store(yd, a0); v128.store(yd, a1, 16); v128.store(yd, a2, 32); v128.store(yd, a3, 48);
    v128.store(zd, b0); v128.store(zd, b1, 16); v128.store(zd, b2, 32); v128.store(zd, b3, 48);
  }
  mixRest(weights, v, y, strideV, d, bytes, n);
  mixRest(weights + SCORE_ROW, v, z, strideV, d, bytes, n);
}

/** The same for one query. */
function mix1(weights: usize, v: usize, y: usize, strideV: usize, headDim: i32, n: i32): void {
  let bytes = <usize>headDim << 2, stop = weights + (<usize>n << 2);
  let d: usize = 0;
  for (; d + 64 <= bytes; d += 64) {
    let yd = y + d, vd = v + d;
    let a0 = v128.load(yd), a1 = v128.load(yd, 16), a2 = v128.load(yd, 32), a3 = v128.load(yd, 48);
    for (let w = weights; w < stop; w += 4) {
      let s = v128.load32_splat(w);
      a0 = madd(s, v128.load(vd), a0); a1 = madd(s, v128.load(vd, 16), a1);
      a2 = madd(s, v128.load(vd, 32), a2); a3 = madd(s, v128.load(vd, 48), a3);
      vd += strideV;
    }
    v128.store(yd, a0); v128.store(yd, a1, 16); v128.store(yd, a2, 32); v128.store(yd, a3, 48);
  }
  mixRest(weights, v, y, strideV, d, bytes, n);
}

/** Bytes [from, bytes) of one query's output. */
function mixRest(weights: usize, v: usize, y: usize, strideV: usize, from: usize, bytes: usize, n: i32): void {
  let stop = weights + (<usize>n << 2), d = from;
  for (; d + 16 <= bytes; d += 16) {
    let a = v128.load(y + d), vd = v + d;
    for (let w = weights; w < stop; w += 4) {
      a = madd(v128.load32_splat(w), v128.load(vd), a);
      vd += strideV;
    }
    v128.store(y + d, a);
  }
  for (; d < bytes; d += 4) {
    let a = load<f32>(y + d), vd = v + d;
    for (let w = weights; w < stop; w += 4) {
      a += load<f32>(w) * load<f32>(vd);
      vd += strideV;
    }
    store<f32>(y + d, a);
  }
}
