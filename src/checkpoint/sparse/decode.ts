// From mask and values back to rows. Nothing is believed: offsets must follow each other, and every row of the mask must
// have as many bits as its offsets leave it values, so that no file can make this read or write where it should not.

import { CheckpointError } from '../../errors.js';
import { bitCounts, maskStride, spread } from '../../tensor/bitmask.js';
import type { Patterns } from './patterns.js';

/**
 * Where the values of each row begin, and behind the last one where they end: `row_offsets` and the number of values.
 * Throws a CheckpointError unless they begin with 0, never go back, and stay within the values.
 */
export function checkedOffsets(rowOffsets: BigInt64Array, nonZeros: number, where: string): Float64Array {
  const offsets = new Float64Array(rowOffsets.length + 1);
  for (let r = 0, least = 0n; r < rowOffsets.length; r++) {
    const offset = rowOffsets[r];
    if (offset < least || offset > BigInt(nonZeros) || (r === 0 && offset !== 0n)) {
      const expected = r === 0 ? 'offset 0 of row 0' : `an offset of row ${r} from ${least} to ${nonZeros}`;
      throw new CheckpointError({ expected, got: String(offset), where });
    }
    least = offset;
    offsets[r] = Number(offset);
  }
  offsets[rowOffsets.length] = nonZeros;
  return offsets;
}

/**
 * Rows of a matrix, dense: row r of `bitmask` is row `first` + r of it. Throws a CheckpointError where the mask and the
 * offsets do not agree.
 * @param offsets of all rows, as `checkedOffsets` returns them
 * @param values of these rows
 * @param out where they go, all zeros so far
 * @param where the mask, for messages
 */
export function expand(
  bitmask: Uint8Array,
  { first, columns }: { first: number; columns: number },
  offsets: Float64Array,
  values: Patterns,
  out: Patterns,
  where: string,
): void {
  checkMask(bitmask, { first, columns }, offsets, where);
  spread(bitmask, columns, values, out);
}

/** Fails where rows of a mask, as `expand` has them, and the offsets do not agree. */
export function checkMask(
  bitmask: Uint8Array,
  { first, columns }: { first: number; columns: number },
  offsets: Float64Array,
  where: string,
): void {
  const stride = maskStride(columns);
  for (let r = 0; r * stride < bitmask.length; r++)
    checkRow(bitmask.subarray(r * stride, (r + 1) * stride), first + r, columns, offsets, where);
}

function checkRow(mask: Uint8Array, row: number, columns: number, offsets: Float64Array, where: string): void {
  if (columns % 8 !== 0 && mask[mask.length - 1] >> (columns % 8) !== 0)
    throw new CheckpointError({ expected: `no bit of row ${row} beyond its ${columns} columns`, got: 'one', where });
  let bits = 0;
  for (const byte of mask) bits += bitCounts[byte];
  const values = offsets[row + 1] - offsets[row];
  if (bits === values) return;
  const expected = `${values} bits in row ${row}, one for each value that row_offsets gives it`;
  throw new CheckpointError({ expected, got: String(bits), where });
}
