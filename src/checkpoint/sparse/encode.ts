// From a dense weight to its mask and its values. A weight of −0 is a zero like +0 and is not stored: it reads back as +0.

import { maskStride } from '../../tensor/bitmask.js';
import { negativeZero, type Patterns } from './patterns.js';

/** Which weights of a matrix are stored. */
export interface Mask {
  /** [rows, maskStride(columns)]: bit j of byte k of a row is column 8k + j; the bits behind the last column are 0. */
  bitmask: Uint8Array;
  /** For each row, how many values lie before its first. */
  rowOffsets: BigInt64Array;
  nonZeros: number;
}

/** How many of the weights are neither 0 nor −0. */
export function countNonZeros(weights: Patterns): number {
  const negative = negativeZero(weights);
  let count = 0;
  for (const w of weights) if (w && w !== negative) count++;
  return count;
}

/** The mask of the weights [rows, columns] that are neither 0 nor −0. */
export function maskOf(weights: Patterns, rows: number, columns: number): Mask {
  const negative = negativeZero(weights);
  const stride = maskStride(columns);
  const bitmask = new Uint8Array(rows * stride);
  const rowOffsets = new BigInt64Array(rows);
  let nonZeros = 0;
  for (let r = 0, i = 0; r < rows; r++) {
    rowOffsets[r] = BigInt(nonZeros);
    for (let c = 0; c < columns; c++, i++) {
      const w = weights[i];
      if (!w || w === negative) continue;
      bitmask[r * stride + (c >> 3)] |= 1 << (c & 7);
      nonZeros++;
    }
  }
  return { bitmask, rowOffsets, nonZeros };
}

/** The values [rows, columns] that a mask names, one behind the other. */
export function compress<P extends Patterns>(values: P, columns: number, { bitmask, nonZeros }: Mask): P {
  // Whichever kind of array it is: its elements are only moved.
  const from = values as Uint32Array;
  const out = from.slice(0, nonZeros);
  const stride = maskStride(columns);
  for (let k = 0, n = 0; k < bitmask.length; k++) {
    const first = Math.floor(k / stride) * columns + 8 * (k % stride);
    for (let bits = bitmask[k]; bits !== 0; bits &= bits - 1) out[n++] = from[first + 31 - Math.clz32(bits & -bits)];
  }
  return out as P;
}
