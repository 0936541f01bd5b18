// A sparse matrix: how it lies in memory, and how it is made of a dense one or of a mask and its values. It is sliced ELLPACK,
// SELL-4-128: rows are sorted by their entries within windows of SPARSE_ROWS, and four at a time, a group, are interleaved
// entry by entry. An entry has a value and a step: how many columns it stands behind the one before it in its row, or the
// first one behind column 0. A longer way than a step can say is cut by entries of value 0. For one token the rows of a group are the
// lanes of a vector, for many each is walked alone, by strips of SPARSE_STRIP columns, so that the part of the tokens that
// meets a strip stays in the first cache; either way an output is one chain along its columns, with the same bits for finite x, but for the
// sign of a zero.
//
//   starts[groups + 1] (u32)        where each group begins
//   order[groups·4] (u8)            which row of its window stands there
//   counts[strips, groups·4] (u8)   entries of each row in a strip
//   steps (u8 or 4 bits)            of the four rows' entries in turn (sparseSteps.ts)
//   values (f32, its upper half, or i8)   likewise
//
// Rows shorter than the longest of their group are filled up with entries of value 0 and step 0: sorted as they are, no more
// than three rows of a window; with steps of 4 bits so is its last group, until the window has whole blocks of them.

import { nearestBF16 } from './halves';
import { SPARSE_NEAR } from './sparseSteps';

/** Rows of a window. */
export const SPARSE_ROWS: i32 = 128;
/** Columns of a strip; no more entries of a row are in one. */
export const SPARSE_STRIP: i32 = 128;

/** How values are kept, as the backend numbers it, where they are not f32, 0; those of int8 are times the scale of their row. */
export const OF_BF16: i32 = 1;
export const OF_INT8: i32 = 2;

/** counts of w[rows, columns] where the longest step is `far`. A unit is four rows. */
export function countEntries(w: usize, counts: usize, rows: i32, columns: i32, far: i32, begin: i32, end: i32): void {
  for (let r = begin << 2; r < end << 2; r++)
    countRow<f32>(r < rows ? w + (<usize>(r * columns) << 2) : 0, counts + r, (rows + 3) & ~3, columns, far);
}

/**
 * The same of a mask, a bit for each column, of which rows from `first` on are given: mask[…, ⌈columns/8⌉] has no bit behind
 * the last column. A unit is four of the rows given.
 */
export function countMasked(
  mask: usize, counts: usize, rows: i32, columns: i32, far: i32, first: i32, begin: i32, end: i32,
): void {
  for (let i = begin << 2; i < end << 2; i++) {
    let r = first + i, bits = mask + <usize>(i * ((columns + 7) >> 3));
    countRow<u64>(r < rows ? bits : 0, counts + r, (rows + 3) & ~3, columns, far);
  }
}

/** A row of numbers (f32) or of a mask (u64), or none; `stride` bytes lie between its counts. */
function countRow<S>(row: usize, counts: usize, stride: usize, columns: i32, far: i32): void {
  let empty = false, to = counts;
  for (let k = 0; k < columns; k += SPARSE_STRIP, to += stride) {
    let count: i64 = 0;
    for (let c = k; row && c < min(k + SPARSE_STRIP, columns); c += 64) count += popcnt<u64>(bitsAt<S>(row, c, columns));
    store<u8>(to, <u8>count);
    empty = empty || !count;
  }
  // A way of two strips or more has one without entries in it.
  if (!row || (far >= 2 * SPARSE_STRIP - 1 && !empty)) return;
  for (let k = 0, before = 0; k < columns; k += 64) {
    let word = bitsAt<S>(row, k, columns);
    if (!word) continue;
    if (far == SPARSE_NEAR && k + <i32>ctz(word) - before <= far && !hasLongWay(word)) {
      before = k + 63 - <i32>clz(word);
      continue;
    }
    for (; word; word &= word - 1) {
      let c = k + <i32>ctz(word);
      while (c - before > far) {
        before += far;
        to = counts + stride * (before / SPARSE_STRIP);
        store<u8>(to, load<u8>(to) + 1);
      }
      before = c;
    }
  }
}

/** Whether there are more than SPARSE_NEAR − 1 zeros side by side. */
// @ts-ignore: decorator
@inline
function hasLongWay(word: u64): bool {
  let zeros = ~word;
  zeros &= zeros >> 1; zeros &= zeros >> 2; zeros &= zeros >> 4;
  return (zeros & zeros >> 7) != 0;
}

/** Which of the columns [k, k + 64) of a row are not 0, the first one the lowest bit. */
// @ts-ignore: decorator
@inline
function bitsAt<S>(row: usize, k: i32, columns: i32): u64 {
  let word: u64 = 0;
  if (sizeof<S>() == 8) {
    let left = ((columns + 7) >> 3) - (k >> 3);
    row += k >> 3;
    if (left >= 8) return load<u64>(row);
    for (let i = 0; i < left; i++) word |= <u64>load<u8>(row + i) << (i << 3);
    return word;
  }
  let n = min(64, columns - k), i = 0;
  row += <usize>k << 2;
  for (; i + 4 <= n; i += 4)
    word |= <u64>i32x4.bitmask(f32x4.ne(v128.load(row + (<usize>i << 2)), f32x4.splat(0))) << i;
  for (; i < n; i++) word |= <u64>i32(load<f32>(row + (<usize>i << 2)) != 0) << i;
  return word;
}

/**
 * steps and values of w[rows, columns], given starts and order, and scale[rows] for values of int8. Steps are bytes here, those
 * of the entries from `before` on. A unit is a group.
 */
export function fillEntries(
  w: usize, starts: usize, order: usize, steps: usize, values: usize, scale: usize, rows: i32, columns: i32, kind: i32,
  far: i32, before: usize, begin: i32, end: i32,
): void {
  steps -= before;
  for (let i = begin << 2; i < end << 2; i++) {
    let r = rowAt(order, i), row = r < rows ? w + (<usize>(r * columns) << 2) : 0;
    if (kind == OF_INT8) fillRow<f32, i8>(row, 0, row ? load<f32>(scale + (<usize>r << 2)) : 1, starts, steps, values, columns, far, i);
    else if (kind == OF_BF16) fillRow<f32, u16>(row, 0, 1, starts, steps, values, columns, far, i);
    else fillRow<f32, f32>(row, 0, 1, starts, steps, values, columns, far, i);
  }
}

/**
 * The same of a mask and its values, of which those from row `first` on are given, whole windows; a row has its values from
 * begins[row − first] on, as they are kept. A unit is a group of theirs.
 */
export function fillMasked(
  mask: usize, from: usize, begins: usize, starts: usize, order: usize, steps: usize, values: usize, rows: i32, columns: i32,
  kind: i32, far: i32, before: usize, first: i32, begin: i32, end: i32,
): void {
  steps -= before;
  for (let i = first + (begin << 2); i < first + (end << 2); i++) {
    let r = rowAt(order, i), bits = r < rows ? mask + <usize>((r - first) * ((columns + 7) >> 3)) : 0;
    let at = bits ? <usize>load<u32>(begins + (<usize>(r - first) << 2)) : 0;
    if (kind == OF_INT8) fillRow<u64, i8>(bits, from + at, 1, starts, steps, values, columns, far, i);
    else if (kind == OF_BF16) fillRow<u64, u16>(bits, from + (at << 1), 1, starts, steps, values, columns, far, i);
    else fillRow<u64, f32>(bits, from + (at << 2), 1, starts, steps, values, columns, far, i);
  }
}

/** The first entry of the group at a place. */
// @ts-ignore: decorator
@inline
export function startOf(starts: usize, place: i32): usize {
  return <usize>load<u32>(starts + (<usize>(place >> 2) << 2));
}

/** Which row stands at a place. */
// @ts-ignore: decorator
@inline
export function rowAt(order: usize, place: i32): i32 {
  return (place & -SPARSE_ROWS) + <i32>load<u8>(order + place);
}

/** What stands at a place: a row of numbers (f32), to be divided by `unit`, or of a mask (u64) with values `from` there, or none. */
function fillRow<S, V>(
  row: usize, from: usize, unit: f32, starts: usize, steps: usize, values: usize, columns: i32, far: i32,
  place: i32,
): void {
  let entry = startOf(starts, place) + (place & 3), stop = startOf(starts, place + 4);
  for (let k = 0, before = 0; row && k < columns; k += 64)
    for (let word = bitsAt<S>(row, k, columns); word; word &= word - 1, entry += 4) {
      let c = k + <i32>ctz(word), to = values + entry * sizeof<V>();
      for (; c - before > far; before += far, entry += 4, to += 4 * sizeof<V>()) {
        store<u8>(steps + entry, <u8>far);
        store<V>(to, <V>0);
      }
      store<u8>(steps + entry, <u8>(c - before));
      before = c;
      if (sizeof<S>() == 4) store<V>(to, rounded<V>(load<f32>(row + (<usize>c << 2)) / unit));
      else {
        store<V>(to, load<V>(from));
        from += sizeof<V>();
      }
    }
  for (; entry < stop; entry += 4) {
    store<u8>(steps + entry, 0);
    store<V>(values + entry * sizeof<V>(), <V>0);
  }
}

// @ts-ignore: decorator
@inline
function rounded<V>(value: f32): V {
  if (sizeof<V>() == 1) return <V>nearest(value);
  if (sizeof<V>() == 2) return <V>i32x4.extract_lane(nearestBF16(f32x4.splat(value)), 0);
  return <V>value;
}
