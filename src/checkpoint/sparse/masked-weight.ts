// A weight in parts as a model is loaded from: mask and values as the file has them, after everything has been said that there
// is to say against them.

import { type Bitmask, placeOfValue } from '../../tensor/bitmask.js';
import { firstNotFinite, notFinite } from '../float-dtype.js';
import type { ValueDtype } from './layout.js';
import { type PartMemory, type SparseTensor, scaled } from './sparse-tensor.js';

/** Values that are taken as they are; others are read as the dense tensor. */
export type MaskedDtype = 'F32' | 'BF16' | 'F16' | 'I8';

/** Which weights there are, and what they are: finite numbers, among which a file may list some that are 0 or −0. */
export interface MaskedWeight {
  mask: Bitmask;
  /** Numbers; patterns of BF16 and F16; whole numbers of I8. */
  values: Float32Array | Uint16Array | Int8Array;
  dtype: MaskedDtype;
  /** [rows], with I8 alone: a weight is value · scale of its row, rounded to f32. */
  scale: Float32Array | undefined;
}

export const isMasked = (dtype: ValueDtype): dtype is MaskedDtype => ['F32', 'BF16', 'F16', 'I8'].includes(dtype);

/**
 * Reads a weight whose dtype `isMasked`. Throws a CheckpointError where its parts contradict each other, for a NaN and for an
 * infinity.
 * @param memory what is returned lies there
 * @param where the weight, for messages
 */
export async function readMasked(
  tensor: SparseTensor,
  memory: PartMemory,
  where: string,
  signal?: AbortSignal,
): Promise<MaskedWeight> {
  const { rows, columns, nonZeros, dtype: stored } = tensor.shape;
  const dtype = stored as MaskedDtype;
  const { bits, offsets, compressed, scale } = await tensor.readParts(memory, signal);
  const mask: Bitmask = { rows, columns, bits, offsets };
  const values = new ARRAYS[dtype](compressed, 0, nonZeros);
  if (values instanceof Int8Array) checkScaled(mask, values, scale as Float32Array, where);
  else {
    const bad = firstNotFinite(values, dtype as Exclude<MaskedDtype, 'I8'>);
    if (bad >= 0) throw notFinite(values, dtype as Exclude<MaskedDtype, 'I8'>, bad, placeOfValue(mask, bad), where);
  }
  return { mask, values, dtype, scale };
}

const ARRAYS = { F32: Float32Array, BF16: Uint16Array, F16: Uint16Array, I8: Int8Array };

/** A scale near the end of f32 may make an infinity of a whole number. */
function checkScaled(mask: Bitmask, values: Int8Array, scale: Float32Array, where: string): void {
  const { offsets } = mask;
  for (const [row, s] of scale.entries()) {
    if (Math.fround(128 * s) < Infinity) continue;
    const numbers = new Float32Array(offsets[row + 1] - offsets[row]);
    scaled(values.subarray(offsets[row], offsets[row + 1]), scale, row, offsets, numbers);
    const bad = firstNotFinite(numbers, 'F32');
    if (bad >= 0) throw notFinite(numbers, 'F32', bad, placeOfValue(mask, offsets[row] + bad), where);
  }
}
