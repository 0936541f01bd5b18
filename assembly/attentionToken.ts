// Attention of sequences with one query each, as decoding asks for it: every key and value is read for little work, so what
// counts is the order of reading. Heads lie side by side in a row of the cache; several of them are done together, a few
// rows at a time, so that these are read from end to end. An output gets the same bits as it does in a tile of `attention`.

import { ATTENTION_QUERIES, ATTENTION_SCRATCH, scaled, SCORES, STATES } from './attention';
import { scores1, scoresOfHalves } from './attentionScores';
import { BF16 } from './halves';
import { four, madd } from './lanes';
import { KEYS, LOG2_E, ROW, storeConstants, weigh } from './runningSoftmax';

/** Heads of a unit at most: scratch memory has so many rows. */
export const ATTENTION_HEADS: i32 = ATTENTION_QUERIES;

/**
 * Arguments as of `attention`, with one query a sequence; headDim is a multiple of 4, of 8 for bf16. A unit is `span` heads of
 * keys, the last of a sequence perhaps fewer, with the heads of queries that read them, ATTENTION_HEADS at most. Units of a
 * sequence follow each other.
 */
export function attentionToken(
  q: usize, k: usize, v: usize, y: usize, heads: i32, kvHeads: i32, headDim: i32, keys: i32, scale: f32, window: i32,
  softcap: f32, kind: i32, span: i32, scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  scratch += stride * thread;
  storeConstants(scratch);
  scale = <f32>(LOG2_E * scale); softcap = <f32>(LOG2_E * softcap);
  let group = heads / kvHeads, bytes = <usize>headDim << 2, halves = kind == BF16, keyBytes = halves ? bytes >> 1 : bytes;
  let strideK = keyBytes * kvHeads, across = (kvHeads + span - 1) / span;
  for (let unit = begin; unit < end; unit++) {
    let sequence = unit / across, first = unit % across * span, count = min(span, kvHeads - first) * group;
    let inQ = bytes * (sequence * heads + first * group), inK = strideK * sequence * keys + keyBytes * first;
    attend(
      q + inQ, k + inK, v + inK, y + inQ, halves, strideK, headDim, group, count, keys, scale, window, softcap, scratch,
    );
  }
}

/** `count` heads of queries, of which each `group` read one head of keys. */
function attend(
  q: usize, k: usize, v: usize, y: usize, halves: bool, strideK: usize, headDim: i32, group: i32, count: i32, keys: i32,
  scale: f32, window: i32, softcap: f32, scratch: usize,
): void {
  let bytes = <usize>headDim << 2, keyBytes = halves ? bytes >> 1 : bytes;
  let scores = scratch + SCORES, states = scratch + STATES, ownQ = scratch + ATTENTION_SCRATCH;
  memory.fill(y, 0, bytes * count);
  scaled(ownQ, q, headDim * count, scale);
  for (let i = 0; i < count; i++) {
    store<f32>(states + (<usize>i << 3), -f32.MAX_VALUE);
    store<f32>(states + (<usize>i << 3), 0, 4);
  }
  for (let block = max(0, keys - window) & -KEYS; block < keys; block += KEYS) {
    let from = max(0, keys - window - block), to = min(KEYS, keys - block), kb = k + strideK * block, vb = v + strideK * block;
    for (let j = from & ~7; j < to; j += 8)
      for (let i = 0; i < count; i++) {
        let qi = ownQ + bytes * i, ki = kb + keyBytes * (i / group), end = min(to, j + 8);
        if (halves) scoresOfHalves(qi, ki, strideK, headDim, j, end, scores + ROW * i);
        else scores1(qi, ki, strideK, headDim, j, end, scores + ROW * i);
      }
    for (let i = 0; i < count; i++) {
      let shrink = weigh(scores + ROW * i, from, to, softcap, states + (<usize>i << 3), scratch), yi = y + bytes * i;
      if (shrink != 1) scaled(yi, yi, headDim, shrink);
    }
    let j = from;
    for (; j + 4 <= to; j += 4)
      for (let i = 0; i < count; i++) {
        let weights = scores + ROW * i + (<usize>j << 2), vi = vb + strideK * j + keyBytes * (i / group);
        if (halves) mix4<u16>(weights, vi, strideK, y + bytes * i, bytes);
        else mix4<f32>(weights, vi, strideK, y + bytes * i, bytes);
      }
    for (; j < to; j++)
      for (let i = 0; i < count; i++) {
        let weights = scores + ROW * i + (<usize>j << 2), vi = vb + strideK * j + keyBytes * (i / group);
        if (halves) mix1<u16>(weights, vi, y + bytes * i, bytes);
        else mix1<f32>(weights, vi, y + bytes * i, bytes);
      }
  }
  for (let i = 0; i < count; i++)
    scaled(y + bytes * i, y + bytes * i, headDim, 1 / load<f32>(states + (<usize>i << 3), 4));
}

/** y += the values of four keys, one after the other. */
function mix4<K>(weights: usize, v0: usize, stride: usize, y: usize, bytes: usize): void {
  let a = v128.load32_splat(weights), b = v128.load32_splat(weights, 4);
  let c = v128.load32_splat(weights, 8), d = v128.load32_splat(weights, 12);
  let v1 = v0 + stride, v2 = v1 + stride, v3 = v2 + stride;
  for (let end = y + bytes; y < end; y += 16) {
    let sum = madd(a, four<K>(v0), v128.load(y));
    sum = madd(b, four<K>(v1), sum);
    sum = madd(c, four<K>(v2), sum);
    v128.store(y, madd(d, four<K>(v3), sum));
    v0 += 4 * sizeof<K>(); v1 += 4 * sizeof<K>(); v2 += 4 * sizeof<K>(); v3 += 4 * sizeof<K>();
  }
}

/** y += the values of one key. */
function mix1<K>(weight: usize, v: usize, y: usize, bytes: usize): void {
  let w = v128.load32_splat(weight);
  for (let end = y + bytes; y < end; y += 16) {
    v128.store(y, madd(w, four<K>(v), v128.load(y)));
    v += 4 * sizeof<K>();
  }
}
