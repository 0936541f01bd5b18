// The weights of a tensor in another float dtype: rounded once, to nearest, ties to even; unchanged to the bit where the dtype
// is its own.

import { join } from 'node:path';
import { tensorAt } from '../../quoted.js';
import type { Checkpoint } from '../checkpoint.js';
import { encodeFinite, type FloatDtype } from '../float-dtype.js';

/**
 * A tensor's values in `dtype`, row-major. Throws a CheckpointError if it is missing, or where values that need conversion
 * are not finite; an OutputError that names the tensor for a value that `dtype` cannot hold.
 */
export async function readAs(
  source: Checkpoint,
  name: string,
  dtype: FloatDtype,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  const info = source.info(name);
  if (info.dtype === dtype) return source.read(name, signal);
  const values = await source.readFloats(name, info.shape, signal);
  if (info.dtype === 'F64' && dtype !== 'F32') roundToOdd(values, new Float64Array(await source.read(name, signal)));
  return encodeFinite(values, dtype, tensorAt(join(source.folder, info.file), name)).buffer;
}

/**
 * Makes f32 values that were rounded from f64 such that rounding them again gives what rounding once would have given: what
 * is not exact takes the neighbour whose last bit is 1, and so is never taken for a tie.
 */
function roundToOdd(rounded: Float32Array, exact: Float64Array): void {
  const bits = new Uint32Array(rounded.buffer, rounded.byteOffset, rounded.length);
  for (let i = 0; i < exact.length; i++) {
    if (rounded[i] === exact[i]) continue;
    if (Math.abs(rounded[i]) > Math.abs(exact[i])) bits[i]--;
    bits[i] |= 1;
  }
}
