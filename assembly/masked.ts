// A sparse matrix (sparse.ts) of rows that come as a mask, a bit for each column, and the values where bits are: what
// countEntries and fillEntries make of the dense rows, and these are nowhere. A stretch of groups at a time, from `first` on;
// mask[rows of the stretch, ⌈columns/8⌉] has no bit behind the last column.

import { blocksOf, OF_BF16, OF_INT8, SPARSE_BLOCK, SPARSE_STRIP } from './sparse';

/** counts of all rows. A unit is a group of the stretch. */
export function countMasked(mask: usize, counts: usize, rows: i32, columns: i32, first: i32, begin: i32, end: i32): void {
  let groups = (rows + 3) >> 2, stride = <usize>((columns + 7) >> 3);
  for (let g = begin; g < end; g++)
    for (let lane = 0; lane < 4; lane++) {
      let r = ((first + g) << 2) + lane, to = counts + (<usize>r << 1), bits = mask + <usize>((g << 2) + lane) * stride;
      let last = r < rows ? bits + stride : bits, count: u32 = 0;
      for (let k = 0; k < columns; k += SPARSE_STRIP, bits += SPARSE_STRIP >> 3, to += <usize>groups << 3) {
        if (k % SPARSE_BLOCK == 0) count = 0;
        count += ones(bits, min(bits + (SPARSE_STRIP >> 3), last));
        store<u16>(to, count);
      }
    }
}

function ones(bits: usize, end: usize): u32 {
  let count: u32 = 0;
  for (; bits + 8 <= end; bits += 8) count += <u32>popcnt(load<u64>(bits));
  for (; bits < end; bits++) count += popcnt<u32>(load<u8>(bits));
  return count;
}

/**
 * offsets and values of the groups of the stretch, given the starts of all: its rows have their values from begins[row] on, as
 * they are kept. A unit is a group of the stretch.
 */
export function fillMasked(
  mask: usize, from: usize, begins: usize, starts: usize, offsets: usize, values: usize, rows: i32, columns: i32, kind: i32,
  first: i32, begin: i32, end: i32,
): void {
  for (let r = begin << 2; r < end << 2; r++) {
    if (kind == OF_INT8) fillRow<u8>(mask, from, begins, starts, offsets, values, rows, columns, first, r);
    else if (kind == OF_BF16) fillRow<u16>(mask, from, begins, starts, offsets, values, rows, columns, first, r);
    else fillRow<u32>(mask, from, begins, starts, offsets, values, rows, columns, first, r);
  }
}

/** One row of the stretch, or one that fills up the last group. */
function fillRow<T>(
  mask: usize, from: usize, begins: usize, starts: usize, offsets: usize, values: usize, rows: i32, columns: i32, first: i32,
  r: i32,
): void {
  let stride = (columns + 7) >> 3, bits = mask + <usize>r * stride, last = bits;
  let at = starts + (<usize>((first + (r >> 2)) * blocksOf(columns)) << 2), lane = <usize>(r & 3);
  if ((first << 2) + r < rows) {
    last += stride;
    from += <usize>load<u32>(begins + (<usize>r << 2)) * sizeof<T>();
  }
  for (let k = 0; k < columns; k += SPARSE_BLOCK, at += 4) {
    let entry = <usize>load<u32>(at) + lane, stop = <usize>load<u32>(at, 4), end = min(bits + (SPARSE_BLOCK >> 3), last);
    for (let c = 0; bits < end; ) {
      let wide = bits + 8 <= end;
      for (let word = wide ? load<u64>(bits) : <u64>load<u8>(bits); word; word &= word - 1, from += sizeof<T>(), entry += 4) {
        store<u8>(offsets + entry, <u8>(c + <i32>ctz(word)));
        store<T>(values + entry * sizeof<T>(), load<T>(from));
      }
      bits += wide ? 8 : 1;
      c += wide ? 64 : 8;
    }
    for (; entry < stop; entry += 4) {
      store<u8>(offsets + entry, 0);
      store<T>(values + entry * sizeof<T>(), <T>0);
    }
  }
}
