// Exact selection within rows: a radix select of 11, 10 and 10 bits finds the threshold, ties fall by column, and the
// mask is applied in the same pass. Same set as a stable sort at a fraction of its time.

import { keepAbove, scoreRow } from './score';

/** Bytes of the two histograms of first digits: scores are of 31 bits, of which these are the upper 11. */
const HISTOGRAM: usize = 4 << 11;
export const SELECT_SCRATCH: i32 = 2 * <i32>HISTOGRAM;

/**
 * out = weight with 0 where the scores of `source` are smallest in a row, rows of n f32; out may be weight or source. Row
 * r keeps keep[r] (i32) entries; with keep = 0 every row loses `prune`. Of equal scores the lower column goes first, or
 * stays where `keepLower`. A unit is a row. Scratch of a thread: 8·n + SELECT_SCRATCH bytes (scores, candidates, histograms).
 */
export function maskRows(
  weight: usize, source: usize, column: usize, row: usize, out: usize, n: i32, prune: i32, keep: usize, keepLower: bool,
  scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  let scores = scratch + stride * thread, candidates = scores + (<usize>n << 2), histogram = candidates + (<usize>n << 2);
  let bytes = <usize>n << 2;
  for (let r = begin; r < end; r++) {
    let from = weight + <usize>r * bytes, to = out + <usize>r * bytes;
    let k = keep ? n - load<i32>(keep + (<usize>r << 2)) : prune;
    if (k <= 0) memory.copy(to, from, bytes);
    else if (k >= n) memory.fill(to, 0, bytes);
    else {
      scoreRow(source, column, row, r, n, scores);
      let found = select(scores, candidates, histogram, n, k);
      apply(from, to, scores, n, <u32>(found >> 32), <u32>found, keepLower);
    }
  }
}

/**
 * The k-th smallest of n scores (1-based), in the high half; how many scores equal to it are among the k, in the low half.
 * First digits are counted in two histograms, turn and turn about: most scores share a few of them, and a count that was
 * stored just now is slow to read.
 */
function select(scores: usize, candidates: usize, histogram: usize, n: i32, k: i32): u64 {
  let need = <u32>k, bytes = <usize>n << 2, i: usize = 0;
  memory.fill(histogram, 0, SELECT_SCRATCH);
  for (; i + 8 <= bytes; i += 8) {
    increment(histogram, load<u32>(scores + i) >> 20);
    increment(histogram + HISTOGRAM, load<u32>(scores + i, 4) >> 20);
  }
  if (i < bytes) increment(histogram, load<u32>(scores + i) >> 20);
  let at = histogram;
  while (!v128.any_true(v128.or(v128.load(at), v128.load(at, HISTOGRAM)))) at += 16;
  for (let c = load<u32>(at) + load<u32>(at, HISTOGRAM); c < need; c = load<u32>(at) + load<u32>(at, HISTOGRAM)) {
    need -= c;
    at += 4;
  }
  // Four at a time, of which mostly none is a candidate. Behind the last score there may be others: they are not taken.
  let bin = <u32>((at - histogram) >> 2), bins = i32x4.splat(bin), count: usize = 0;
  for (i = 0; i < bytes; i += 16) {
    if (!v128.any_true(i32x4.eq(i32x4.shr_u(v128.load(scores + i), 20), bins))) continue;
    for (let j = i; j < min(i + 16, bytes); j += 4) {
      let s = load<u32>(scores + j);
      store<u32>(candidates + count, s);
      count += <usize>(s >> 20 == bin) << 2;
    }
  }
  for (let shift: u32 = 10; ; shift -= 10) {
    memory.fill(histogram, 0, 4096);
    for (let i: usize = 0; i < count; i += 4) increment(histogram, (load<u32>(candidates + i) >> shift) & 1023);
    bin = 0;
    for (let c = load<u32>(histogram); c < need; c = load<u32>(histogram + (<usize>bin << 2))) {
      need -= c;
      bin++;
    }
    let rest: usize = 0;
    for (let i: usize = 0; i < count; i += 4) {
      let s = load<u32>(candidates + i);
      store<u32>(candidates + rest, s);
      rest += <usize>(((s >> shift) & 1023) == bin) << 2;
    }
    count = rest;
    if (shift == 0) break;
  }
  return (<u64>load<u32>(candidates) << 32) | <u64>need;
}

function increment(histogram: usize, bin: u32): void {
  let at = histogram + (<usize>bin << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** Sets to 0 what scores below the threshold, and `need` of those that equal it: the first, or the last if `keepLower`. */
function apply(from: usize, to: usize, scores: usize, n: i32, threshold: u32, need: u32, keepLower: bool): void {
  let bytes = <usize>n << 2;
  keepAbove(from, scores, to, 0, bytes, threshold - 1);
  if (keepLower) {
    for (let i = bytes; need > 0; ) {
      i -= 4;
      if (load<u32>(scores + i) == threshold) {
        store<u32>(to + i, 0);
        need--;
      }
    }
  } else {
    for (let i: usize = 0; need > 0; i += 4)
      if (load<u32>(scores + i) == threshold) {
        store<u32>(to + i, 0);
        need--;
      }
  }
}
