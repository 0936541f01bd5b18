// Attention of sequences with one query each, as decoding asks for it: every key and value is read for little work, so what
// counts is the order of reading: rows of the cache are read whole, a block of neighbouring ones by one thread. So there are
// four steps, in which all threads share: the scores of each block of keys, the weights of each head, the sums of the values
// of each block, what these come to. An output gets the same bits as it does in a tile of `attention`, which is faster where
// more than ATTENTION_FEW heads share a head of keys.
//
// Arguments as of `attention`; headDim is a multiple of 4, of 8 for bf16. The first of the blocks of keys begins at `first`.
// rows[sequences, blocks, heads] of QUERY_ROW bytes and sums[sequences, blocks, heads·headDim] are what steps leave to others.

import { scaled } from './attention';
import { scoresOf8 } from './attentionScores';
import { BF16, high, low } from './halves';
import { four, madd } from './lanes';
import { shrunk } from './mixValues';
import { CONSTANTS, KEYS, LOG2_E, ROW, storeConstants, weigh } from './runningSoftmax';

/** Bytes of a row of scores. */
export const QUERY_ROW: i32 = <i32>ROW;
/** Scratch of a thread: the state of a softmax, its constants, and besides these one query of all heads. */
export const QUERY_SCRATCH: i32 = 16 + <i32>CONSTANTS;

/** Scores. A unit is a block. */
export function queryScores(
  q: usize, k: usize, rows: usize, heads: i32, kvHeads: i32, headDim: i32, keys: i32, first: i32, blocks: i32, scale: f32,
  kind: i32, scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  let bytes = <usize>headDim << 2, halves = kind == BF16, keyBytes = halves ? bytes >> 1 : bytes, strideK = keyBytes * kvHeads;
  let ownQ = scratch + stride * thread + QUERY_SCRATCH, group = heads / kvHeads;
  for (let unit = begin; unit < end; unit++) {
    let sequence = unit / blocks, block = first + unit % blocks * KEYS, count = min(KEYS, keys - block);
    scaled(ownQ, q + bytes * (sequence * heads), headDim * heads, <f32>(LOG2_E * scale));
    let kb = k + strideK * (sequence * keys + block), to = rows + ROW * (unit * heads) + 16;
    // Eight keys at a time from eight stretches of the block, which are long streams of memory.
    let step = (count + 7) >> 3, last = strideK * (count - 1);
    for (let j = 0; j < step; j++) {
      let own = kb, at = to, qi = ownQ, stop = ownQ + bytes * heads;
      for (; qi < stop; own += keyBytes)
        for (let next = qi + bytes * group; qi < next; qi += bytes, at += ROW) {
          if (halves) scoresOf8<u16>(qi, own, strideK, last, headDim, at, j, step);
          else scoresOf8<f32>(qi, own, strideK, last, headDim, at, j, step);
        }
    }
  }
}

/**
 * The scores become weights, and in front of each row of them there is then by what the sums of earlier blocks must be
 * multiplied, and the total so far. A unit is a head.
 */
export function queryWeights(
  rows: usize, heads: i32, keys: i32, first: i32, blocks: i32, window: i32, softcap: f32, scratch: usize, stride: usize,
  begin: i32, end: i32, thread: i32,
): void {
  let state = scratch + stride * thread, constants = state + 16;
  storeConstants(constants);
  for (let unit = begin; unit < end; unit++) {
    store<f32>(state, -f32.MAX_VALUE);
    store<f32>(state, 0, 4);
    for (let b = 0; b < blocks; b++) {
      let block = first + b * KEYS, row = rows + ROW * ((unit / heads * blocks + b) * heads + unit % heads) + 16;
      let shrink = weigh(row, max(0, keys - window - block), min(KEYS, keys - block), <f32>(LOG2_E * softcap), state, constants);
      store<f32>(row - 16, shrink);
      store<f32>(row - 12, load<f32>(state, 4));
    }
  }
}

/** The sums of the values, times their weights. A unit is a block. */
export function queryValues(
  rows: usize, v: usize, sums: usize, heads: i32, kvHeads: i32, headDim: i32, keys: i32, first: i32, blocks: i32,
  window: i32, kind: i32, begin: i32, end: i32,
): void {
  let bytes = <usize>headDim << 2, halves = kind == BF16, keyBytes = halves ? bytes >> 1 : bytes, strideV = keyBytes * kvHeads;
  let group = heads / kvHeads;
  for (let unit = begin; unit < end; unit++) {
    let sequence = unit / blocks, block = first + unit % blocks * KEYS, y = sums + bytes * (unit * heads);
    let vb = v + strideV * (sequence * keys + block), weights = rows + ROW * (unit * heads) + 16;
    memory.fill(y, 0, bytes * heads);
    let j = max(0, keys - window - block), to = min(KEYS, keys - block), fours = halves ? j + (to - j & ~3) : 0;
    while (j < to) {
      let own = vb + strideV * j, weight = weights + (<usize>j << 2), yi = y, last = yi + bytes * heads, count = j < fours ? 4 : 1;
      // The next four rows are touched from their beginning to their end (no compiler drops a load, which may trap): met four
      // at a time, they would not be read ahead.
      let ahead = own + 4 * strideV, touched: usize = 0;
      if (count == 4 && block + j + 8 <= keys) touched = 4 * keyBytes;
      for (; yi < last; own += keyBytes) {
        for (let stop = ahead + touched; ahead < stop; ahead += 64) load<u8>(ahead);
        for (let stop = yi + bytes * group; yi < stop; yi += bytes, weight += ROW) {
          if (count == 4) mixFour(weight, own, strideV, yi, bytes);
          else if (halves) mix<u16>(weight, own, yi, bytes);
          else mix<f32>(weight, own, yi, bytes);
        }
      }
      j += count;
    }
  }
}

/** y += the values of one key. */
// @ts-ignore: decorator
@inline
function mix<K>(weight: usize, v: usize, y: usize, bytes: usize): void {
  let w = v128.load32_splat(weight), at = y, from = v, end = at + bytes, end2 = at + (bytes & ~31);
  while (at < end2) {
    v128.store(at, madd(w, four<K>(from), v128.load(at)));
    v128.store(at, madd(w, four<K>(from + 4 * sizeof<K>()), v128.load(at, 16)), 16);
    from += 8 * sizeof<K>(); at += 32;
  }
  if (at < end) v128.store(at, madd(w, four<K>(from), v128.load(at)));
}

/** The same of four neighbouring keys of bf16, one after the other. */
// @ts-ignore: decorator
@inline
function mixFour(weight: usize, v: usize, strideV: usize, y: usize, bytes: usize): void {
  let a = v128.load32_splat(weight), b = v128.load32_splat(weight, 4), c = v128.load32_splat(weight, 8), d = v128.load32_splat(weight, 12);
  let v1 = v + strideV, v2 = v1 + strideV, v3 = v2 + strideV, none = f32x4.splat(0);
  for (let end = y + bytes; y < end;) {
    let s = v128.load(v), t = v128.load(v1), u = v128.load(v2), r = v128.load(v3);
    v128.store(y, madd(d, low<u16>(r, none, none), madd(c, low<u16>(u, none, none),
      madd(b, low<u16>(t, none, none), madd(a, low<u16>(s, none, none), v128.load(y))))));
    v128.store(y, madd(d, high<u16>(r, none, none), madd(c, high<u16>(u, none, none),
      madd(b, high<u16>(t, none, none), madd(a, high<u16>(s, none, none), v128.load(y, 16))))), 16);
    v += 16; v1 += 16; v2 += 16; v3 += 16; y += 32;
  }
}

/** What the sums of all blocks come to. A unit is a head. */
export function queryOutput(
  rows: usize, sums: usize, y: usize, heads: i32, headDim: i32, blocks: i32, begin: i32, end: i32,
): void {
  let bytes = <usize>headDim << 2, rowStride = ROW * heads, sumStride = bytes * heads;
  for (let unit = begin; unit < end; unit++) {
    let at = unit / heads * blocks * heads + unit % heads, row = rows + ROW * at, own = sums + bytes * at, yi = y + bytes * unit;
    memory.fill(yi, 0, bytes);
    for (let b = 0; b < blocks; b++) shrunk(yi, load<f32>(row + rowStride * b), own + sumStride * b, bytes);
    scaled(yi, yi, headDim, 1 / load<f32>(row + rowStride * (blocks - 1), 4));
  }
}
