// A sparse matrix: how it lies in memory, and how it is made of a dense one. It is sliced ELLPACK (SELL) with slices of four
// rows, here called groups.
//
// Columns are cut into blocks of SPARSE_BLOCK, so that an offset in a block has 8 bits. Inside a block four rows at a time,
// a group, are interleaved entry by entry: for one token they are the lanes of a vector, for many each row is walked alone,
// and either way an output is one chain along its columns, with the same bits for finite x. Many tokens walk a block by
// strips of SPARSE_STRIP columns, so that the part of the tokens that meets a strip stays in the first cache.
//
//   starts[groups·blocks + 1] (u32)    where each block of each group begins, blocks varying fastest
//   counts[strips·groups·4] (u16)      entries of each row in the block, up to the end of the strip
//   offsets (u8)                       of the four rows' entries in turn: the column within the block
//   values (f32, its upper half, or i8)   likewise
//
// Rows shorter in a block than the longest of their group are filled up with entries of value 0 and offset 0.

import { nearestBF16 } from './halves';

/** Columns of a block, a multiple of those of a strip. */
export const SPARSE_BLOCK: i32 = 256;
export const SPARSE_STRIP: i32 = 128;

/** Blocks of so many columns. */
export function blocksOf(columns: i32): i32 {
  return (columns + SPARSE_BLOCK - 1) / SPARSE_BLOCK;
}

/** counts of w[rows, columns]. A unit is a group. */
export function countEntries(w: usize, counts: usize, rows: i32, columns: i32, begin: i32, end: i32): void {
  let groups = (rows + 3) >> 2, stride = <usize>groups << 3;
  for (let g = begin; g < end; g++)
    for (let r = g << 2; r < (g + 1) << 2; r++) {
      let to = counts + (<usize>r << 1), count: u32 = 0;
      for (let k = 0; k < columns; k += SPARSE_STRIP, to += stride) {
        if (k % SPARSE_BLOCK == 0) count = 0;
        if (r < rows) count += nonzeros(w + ((<usize>r * columns + k) << 2), min(SPARSE_STRIP, columns - k));
        store<u16>(to, count);
      }
    }
}

function nonzeros(w: usize, n: i32): u32 {
  let zero = f32x4.splat(0), zeros = i32x4.splat(0), end = w + (<usize>n << 2), end4 = w + (<usize>(n & ~3) << 2), count = n;
  for (; w < end4; w += 16) zeros = i32x4.add(zeros, f32x4.eq(v128.load(w), zero));
  count += i32x4.extract_lane(zeros, 0) + i32x4.extract_lane(zeros, 1);
  count += i32x4.extract_lane(zeros, 2) + i32x4.extract_lane(zeros, 3);
  for (; w < end; w += 4) count -= i32(load<f32>(w) == 0);
  return count;
}

/** How values are kept, as the backend numbers it; those of int8 are times the scale of their row. */
export const OF_F32: i32 = 0;
export const OF_BF16: i32 = 1;
export const OF_INT8: i32 = 2;

/** offsets and values of w[rows, columns], given its starts, and scale[rows] for values of int8. A unit is a group. */
export function fillEntries(
  w: usize, starts: usize, offsets: usize, values: usize, scale: usize, rows: i32, columns: i32, kind: i32, begin: i32,
  end: i32,
): void {
  let blocks = blocksOf(columns);
  for (let g = begin; g < end; g++)
    for (let k = 0, b = 0; k < columns; k += SPARSE_BLOCK, b++) {
      let at = starts + (<usize>(g * blocks + b) << 2), first = <usize>load<u32>(at), stop = <usize>load<u32>(at, 4);
      let n = min(SPARSE_BLOCK, columns - k);
      for (let lane: usize = 0; lane < 4; lane++) {
        let r = (g << 2) + <i32>lane, row = w + ((<usize>r * columns + k) << 2), entry = first + lane;
        let step: f32 = kind == OF_INT8 && r < rows ? load<f32>(scale + (<usize>r << 2)) : 1;
        for (let c = 0; r < rows && c < n; c++) {
          let value = load<f32>(row + (<usize>c << 2));
          if (value == 0) continue;
          put(offsets, values, entry, c, value / step, kind);
          entry += 4;
        }
        for (; entry < stop; entry += 4) put(offsets, values, entry, 0, 0, kind);
      }
    }
}

function put(offsets: usize, values: usize, entry: usize, column: i32, value: f32, kind: i32): void {
  store<u8>(offsets + entry, <u8>column);
  if (kind == OF_INT8) store<i8>(values + entry, <i8>nearest(value));
  else if (kind == OF_BF16) store<u16>(values + (entry << 1), <u16>i32x4.extract_lane(nearestBF16(f32x4.splat(value)), 0));
  else store<f32>(values + (entry << 2), value);
}
