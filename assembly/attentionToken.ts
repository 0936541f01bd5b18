// Attention of sequences with one query each, as decoding asks for it: every key and value is read for little work, so what
// counts is the order of reading: rows of the cache are read whole, a block of neighbouring ones by one thread. So there are
// four steps, in which all threads may share: the scores of each block of keys, the weights of each head, the sums of the
// values of each block, what these come to. An output gets the same bits as it does in a tile of `attention`.

import { scaled } from './attention';
import { scoresOf8 } from './attentionScores';
import { BF16 } from './halves';
import { four, madd } from './lanes';
import { CONSTANTS, KEYS, LOG2_E, ROW, storeConstants, weigh } from './runningSoftmax';

/** Bytes of a row of scores. */
export const SCORE_ROW: i32 = <i32>ROW;
/** Scratch of a thread: the state of a softmax, its constants, and besides these one query of all heads. */
export const TOKEN_SCRATCH: i32 = 16 + <i32>CONSTANTS;

/**
 * Arguments as of `attention`, with one query a sequence; headDim is a multiple of 4, of 8 for bf16. The first block of keys
 * begins at `first`; rows[sequences, blocks, heads] of SCORE_ROW bytes and sums[sequences, blocks, heads·headDim] are for the
 * four steps, which this takes on its own. A unit is a sequence.
 */
export function attentionToken(
  q: usize, k: usize, v: usize, y: usize, rows: usize, sums: usize, heads: i32, kvHeads: i32, headDim: i32, keys: i32,
  first: i32, scale: f32, window: i32, softcap: f32, kind: i32, scratch: usize, stride: usize, begin: i32, end: i32,
  thread: i32,
): void {
  let blocks = (keys - first + KEYS - 1) / KEYS;
  for (let s = begin; s < end; s++) {
    let h0 = s * heads, h1 = h0 + heads, b0 = s * blocks, b1 = b0 + blocks;
    tokenScores(q, k, rows, heads, kvHeads, headDim, keys, first, scale, kind, scratch, stride, b0, b1, thread);
    tokenWeights(rows, heads, keys, first, window, softcap, scratch, stride, h0, h1, thread);
    tokenValues(rows, v, sums, heads, kvHeads, headDim, keys, first, window, kind, b0, b1);
    tokenOutput(rows, sums, y, heads, headDim, blocks, h0, h1);
  }
}

/** Scores. A unit is a block. */
export function tokenScores(
  q: usize, k: usize, rows: usize, heads: i32, kvHeads: i32, headDim: i32, keys: i32, first: i32, scale: f32, kind: i32,
  scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  let bytes = <usize>headDim << 2, halves = kind == BF16, keyBytes = halves ? bytes >> 1 : bytes, strideK = keyBytes * kvHeads;
  let ownQ = scratch + stride * thread + TOKEN_SCRATCH, blocks = (keys - first + KEYS - 1) / KEYS, group = heads / kvHeads;
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
export function tokenWeights(
  rows: usize, heads: i32, keys: i32, first: i32, window: i32, softcap: f32, scratch: usize, stride: usize, begin: i32,
  end: i32, thread: i32,
): void {
  let state = scratch + stride * thread, constants = state + 16, blocks = (keys - first + KEYS - 1) / KEYS;
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
export function tokenValues(
  rows: usize, v: usize, sums: usize, heads: i32, kvHeads: i32, headDim: i32, keys: i32, first: i32, window: i32, kind: i32,
  begin: i32, end: i32,
): void {
  let bytes = <usize>headDim << 2, halves = kind == BF16, keyBytes = halves ? bytes >> 1 : bytes, strideV = keyBytes * kvHeads;
  let blocks = (keys - first + KEYS - 1) / KEYS, group = heads / kvHeads;
  for (let unit = begin; unit < end; unit++) {
    let sequence = unit / blocks, block = first + unit % blocks * KEYS, y = sums + bytes * (unit * heads);
    let vb = v + strideV * (sequence * keys + block), weights = rows + ROW * (unit * heads) + 16;
    memory.fill(y, 0, bytes * heads);
    for (let j = max(0, keys - window - block), to = min(KEYS, keys - block); j < to; j++) {
      let own = vb + strideV * j, weight = weights + (<usize>j << 2), yi = y, last = yi + bytes * heads;
      for (; yi < last; own += keyBytes)
        for (let stop = yi + bytes * group; yi < stop; yi += bytes, weight += ROW) {
          if (halves) mix<u16>(weight, own, yi, bytes);
          else mix<f32>(weight, own, yi, bytes);
        }
    }
  }
}

/** y += the values of one key. */
// @ts-ignore: decorator
@inline
function mix<K>(weight: usize, v: usize, y: usize, bytes: usize): void {
  let w = v128.load32_splat(weight), at = y, from = v;
  let end = at + bytes, end2 = at + (bytes & ~31);
  while (at < end2) {
    v128.store(at, madd(w, four<K>(from), v128.load(at)));
    v128.store(at, madd(w, four<K>(from + 4 * sizeof<K>()), v128.load(at, 16)), 16);
    from += 8 * sizeof<K>(); at += 32;
  }
  if (at < end) v128.store(at, madd(w, four<K>(from), v128.load(at)));
}

/** What the sums of all blocks come to. A unit is a head. */
export function tokenOutput(
  rows: usize, sums: usize, y: usize, heads: i32, headDim: i32, blocks: i32, begin: i32, end: i32,
): void {
  let bytes = <usize>headDim << 2;
  for (let unit = begin; unit < end; unit++) {
    let at = unit / heads * blocks * heads + unit % heads, row = rows + ROW * at, own = sums + bytes * at;
    let last = row + ROW * ((blocks - 1) * heads), f = f32x4.splat(1 / load<f32>(last, 4));
    for (let d: usize = 0; d < bytes; d += 16) {
      let sum = f32x4.splat(0);
      for (let b = 0; b < blocks; b++)
        sum = madd(sum, v128.load32_splat(row + ROW * (b * heads)), v128.load(own + bytes * (b * heads) + d));
      v128.store(y + bytes * unit + d, f32x4.mul(sum, f));
    }
  }
}
