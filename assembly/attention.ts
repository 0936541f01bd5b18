// Causal attention with grouped heads, as tiles of queries that walk over blocks of keys with a running softmax
// (FlashAttention's order of work, arXiv 2205.14135): scratch is a block of scores for every query of a tile, whatever the
// number of tokens. A tile works on copies of its queries, keys and values, laid out in the order in which they are read.

import { interleave, scores1, scores4 } from './attentionScores';
import { BF16, widen } from './halves';
import { mixValues } from './mixValues';
import { CONSTANTS, KEYS, LOG2_E, ROW, storeConstants, weigh } from './runningSoftmax';

/** Queries of a tile. */
export const ATTENTION_QUERIES: i32 = 64;
/** Fewer queries than these are computed one by one and without copies where keys are f32 and heads multiples of 4 wide. */
export const ATTENTION_FEW: i32 = 4;

/** Scratch of a thread: constants, then for every query of a tile its row of scores and the state of its softmax, ... */
const SCORES: usize = CONSTANTS + 16;
const STATES: usize = CONSTANTS + ROW * ATTENTION_QUERIES;
export const ATTENTION_SCRATCH: i32 = <i32>STATES + 8 * ATTENTION_QUERIES;
/** ... then so many rows of headDim f32: the copies of a tile's queries and of a block's keys and values, and four sums. */
export const ATTENTION_ROWS: i32 = ATTENTION_QUERIES + 2 * KEYS + 4;

/**
 * y and q: [sequences·queries, heads·headDim]; k and v: [sequences·keys, kvHeads·headDim]; query i of a sequence sees
 * its keys up to p = keys − queries + i, and of these the last `window`. Scores become softcap·tanh(score / softcap)
 * where softcap is not 0. `kind` says what keys and values are, f32 or bf16. A unit is a tile of one head: tiles vary
 * fastest, then heads, then sequences. Where sequences have one query, and groups ATTENTION_FEW heads or more, a tile is
 * the heads of a group, and groups stand for heads.
 */
export function attention(
  q: usize, k: usize, v: usize, y: usize, heads: i32, kvHeads: i32, headDim: i32, queries: i32, keys: i32, scale: f32,
  window: i32, softcap: f32, kind: i32, scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  scratch += stride * thread;
  storeConstants(scratch);
  scale = <f32>(LOG2_E * scale); softcap = <f32>(LOG2_E * softcap);
  let group = heads / kvHeads, whole = queries == 1 && group >= ATTENTION_FEW;
  let rows = whole ? group : queries, advance = whole ? 0 : 1;
  let bytes = <usize>headDim << 2, token = bytes * heads, strideQ = whole ? bytes : token;
  let keyBytes = kind == BF16 ? bytes >> 1 : bytes, strideK = keyBytes * kvHeads;
  let tiles = (rows + ATTENTION_QUERIES - 1) / ATTENTION_QUERIES, across = whole ? kvHeads : heads;
  for (let unit = begin; unit < end; unit++) {
    // The last tiles see most keys: they come first, so that the threads finish together.
    let first = (tiles - 1 - (unit % tiles)) * ATTENTION_QUERIES, sequence = unit / (tiles * across);
    let head = (unit / tiles) % across * (whole ? group : 1);
    let inQ = token * sequence * queries + bytes * head + strideQ * first;
    let inK = strideK * sequence * keys + keyBytes * (head / group);
    let count = min(ATTENTION_QUERIES, rows - first), position = keys - queries + first * advance;
    tile(
      q + inQ, k + inK, v + inK, y + inQ, strideQ, strideK, headDim, count, advance, position, scale, window, softcap,
      kind, scratch,
    );
  }
}

/**
 * `count` queries; the first of them stands at `position`, each `advance` further than the one before. Blocks begin at
 * multiples of KEYS whatever the window, so that a query gets the same bits in every tile.
 */
function tile(
  q: usize, k: usize, v: usize, y: usize, strideQ: usize, strideK: usize, headDim: i32, count: i32, advance: i32,
  position: i32, scale: f32, window: i32, softcap: f32, kind: i32, scratch: usize,
): void {
  let few = kind != BF16 && count < ATTENTION_FEW && !(headDim & 3), bytes = <usize>headDim << 2;
  let scores = scratch + SCORES, states = scratch + STATES;
  let ownQ = scratch + ATTENTION_SCRATCH, ownK = ownQ + bytes * ATTENTION_QUERIES, ownV = ownK + bytes * KEYS, sums = ownV + bytes * KEYS;
  for (let i = 0; i < count; i++) {
    memory.fill(y + strideQ * i, 0, bytes);
    store<f32>(states + (<usize>i << 3), -f32.MAX_VALUE);
    store<f32>(states + (<usize>i << 3), 0, 4);
  }
  if (few) for (let i = 0; i < count; i++) scaled(ownQ + bytes * i, q + strideQ * i, headDim, scale);
  else for (let i = 0; i < count; i += 4)
    interleave<f32>(ownQ + bytes * i, 16, q + strideQ * i, strideQ, count - i, headDim, scale);
  let end = position + (count - 1) * advance + 1;
  for (let block = max(0, position + 1 - window) & -KEYS; block < end; block += KEYS) {
    // Query i sees the keys [low + i·advance, high + i·advance) of the block, as far as they are in it.
    let high = position + 1 - block, low = high - window, kb = k + strideK * block, vb = v + strideK * block;
    if (!few) copyBlock(kb, vb, kind, strideK, headDim, max(0, low), min(KEYS, end - block), ownK, ownV);
    for (let i = 0; i < count; i += few ? 1 : 4) {
      let from = max(0, low + i * advance), to = min(KEYS, high + (few ? i : i + 3) * advance);
      if (few) scores1(ownQ + bytes * i, kb, strideK, headDim, from, to, scores + ROW * i);
      else scores4(ownQ + bytes * i, ownK, headDim, from, to, scores + ROW * i);
    }
    for (let i = 0; i < count; i++) {
      let from = max(0, low + i * advance), to = min(KEYS, high + i * advance), row = scores + ROW * i;
      if (from < to) store<f32>(row - 16, weigh(row, from, to, softcap, states + (<usize>i << 3), scratch));
    }
    mixValues(scores, few ? vb : ownV, few ? strideK : bytes, y, strideQ, headDim, count, advance, low, high, sums);
  }
  for (let i = 0; i < count; i++) {
    let yi = y + strideQ * i;
    scaled(yi, yi, headDim, 1 / load<f32>(states + (<usize>i << 3), 4));
  }
}

/** The keys [from, to) of a block, interleaved in eights, and their values, row behind row. */
function copyBlock(
  k: usize, v: usize, kind: i32, stride: usize, headDim: i32, from: i32, to: i32, ownK: usize, ownV: usize,
): void {
  let bytes = <usize>headDim << 2;
  for (let j = from & ~7; j < ((to + 7) & ~7); j += 4) {
    let own = ownK + bytes * (j & ~7) + (j & 4 ? 16 : 0);
    if (kind == BF16) interleave<u16>(own, 32, k + stride * j, stride, to - j, headDim, 1);
    else interleave<f32>(own, 32, k + stride * j, stride, to - j, headDim, 1);
  }
  for (let j = from; j < to; j++) {
    // bf16 needs no constants.
    if (kind == BF16) widen<u16>(v + stride * j, ownV + bytes * j, headDim, ownK);
    else scaled(ownV + bytes * j, v + stride * j, headDim, 1);
  }
}

/** y = factor·x for n numbers. */
export function scaled(y: usize, x: usize, n: i32, factor: f32): void {
  let bytes = <usize>n << 2, bytes4 = bytes & ~15, f = f32x4.splat(factor), i: usize = 0;
  for (; i < bytes4; i += 16) v128.store(y + i, f32x4.mul(v128.load(x + i), f));
  for (; i < bytes; i += 4) store<f32>(y + i, load<f32>(x + i) * factor);
}
