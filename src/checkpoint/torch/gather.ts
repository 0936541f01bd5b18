// Puts the values of a view with strides into row-major order: a transposed weight, or a part of a fused one.

import { safePoint } from '../../progress.js';
import { sizeOf } from '../stored-dtype.js';

/** Values between two looks at the signal. */
const pauseAfter = 1 << 24;

const arrayOf = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array };

/**
 * The values of a view, row-major, in memory of their own.
 * @param bytes from the first value to the last
 * @param strides elements from one index to the next, an axis each
 * @param width bytes of a value
 */
export async function gather(
  bytes: ArrayBuffer,
  shape: readonly number[],
  strides: readonly number[],
  width: number,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  const Elements = arrayOf[width as keyof typeof arrayOf];
  const input = new Elements(bytes);
  const output = new Elements(sizeOf(shape));
  const columns = shape[shape.length - 1];
  const step = strides[strides.length - 1];
  // An index for each axis but the last, counted up like an odometer; `from` is the element they lead to.
  const index = shape.map(() => 0);
  let from = 0;
  for (let done = 0, pause = pauseAfter; done < output.length; done += columns) {
    for (let c = 0; c < columns; c++) output[done + c] = input[from + c * step];
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
    if (done < pause) continue;
    pause += pauseAfter;
    await safePoint(signal);
  }
  return output.buffer;
}
