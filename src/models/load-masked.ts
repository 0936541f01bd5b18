// A matrix that lies in a checkpoint as a mask and values: where it shall be sparse in memory it is made of these, and its zeros
// are nowhere; where it shall be dense its rows are put together as they are asked for. The parts of one matrix are read
// whole, in the order of the file.

import type { Backend } from '../backend/backend.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import type { MaskedWeight } from '../checkpoint/sparse/masked-weight.js';
import { scaled } from '../checkpoint/sparse/sparse-tensor.js';
import { dropZeros, maskOfRows, spread } from '../tensor/bitmask.js';
import { roundRow } from '../tensor/int8.js';
import type { SparseMatrix } from '../tensor/sparse-matrix.js';
import { countZeros } from '../tensor/zeros.js';
import type { Form, ZeroCount } from './forms.js';
import { type MatrixSource, numbersOf, type Scratch } from './matrix-source.js';

/** Rows of a tensor that lies in the checkpoint as mask and values, which are read at once. */
export async function maskedRows(
  checkpoint: Checkpoint,
  name: string,
  shape: readonly number[],
  scratch: Scratch,
  signal?: AbortSignal,
): Promise<MatrixSource> {
  const [rows, columns] = shape;
  const { dtype } = checkpoint.info(name);
  const masked = await checkpoint.readMasked(name, shape, (part, bytes) => scratch.room(part, bytes), signal);
  const read = async (first: number, end: number) => {
    const size = (end - first) * columns;
    const values = masked.scale ? maskedNumbers(masked, first, end, scratch) : valuesOf(masked, first, end);
    const room = scratch.room('stored', values.BYTES_PER_ELEMENT * size);
    const out = values instanceof Float32Array ? new Float32Array(room, 0, size) : new Uint16Array(room, 0, size);
    spread(maskOfRows(masked.mask, first, end), columns, values, out.fill(0));
    return out;
  };
  return { rows, columns, dtype, inParts: true, read, masked };
}

/** What the form of such a matrix is chosen by: what has no bit is 0, and a value may be. */
export function zerosOfMasked({ mask: { rows, columns }, values }: MaskedWeight): ZeroCount {
  const weights = rows * columns;
  return { weights, zeros: weights - values.length + countZeros(values) };
}

/** Whether `loadMasked` makes it: rounding to bf16 is for dense rows. */
export const keepsMask = ({ dtype }: MaskedWeight, { values, sparse }: Form): boolean =>
  sparse && (values !== 'bf16' || dtype === 'BF16');

/**
 * Makes the sparse matrix. The mask loses what is 0, and with int8 what rounds to 0.
 * @param count what `zerosOfMasked` says of it
 */
export function loadMasked(
  backend: Backend,
  stored: MaskedWeight,
  { zeros, weights }: ZeroCount,
  kept: Form['values'],
  scratch: Scratch,
): SparseMatrix {
  const { mask, values } = stored;
  const masked = zeros > weights - values.length ? { ...stored, values: dropZeros(mask, values) } : stored;
  if (kept === 'int8') return loadRounded(backend, masked, scratch);
  if (kept === 'bf16')
    return backend.compressMasked(mask, kept, (first, end) => valuesOf(masked, first, end) as Uint16Array);
  return backend.compressMasked(mask, 'f32', (first, end) => maskedNumbers(masked, first, end, scratch));
}

function loadRounded(backend: Backend, masked: MaskedWeight, scratch: Scratch): SparseMatrix {
  const { mask, values } = masked;
  const { rows, offsets } = mask;
  const whole = new Int8Array(scratch.room('whole numbers', values.length), 0, values.length);
  const steps = Float32Array.from({ length: rows }, (_, row) =>
    roundRow(maskedNumbers(masked, row, row + 1, scratch), whole.subarray(offsets[row], offsets[row + 1])),
  );
  const left = countZeros(whole) > 0 ? dropZeros(mask, whole) : whole;
  const scale = backend.allocate('f32', [rows]);
  backend.write(scale, steps);
  return backend.compressMasked(mask, 'int8', (first, end) => left.subarray(offsets[first], offsets[end]), scale);
}

/** The values of rows [first, end), as they are stored. */
const valuesOf = ({ mask: { offsets }, values }: MaskedWeight, first: number, end: number) =>
  values.subarray(offsets[first], offsets[end]);

/** The same as numbers, until others are asked for. */
function maskedNumbers(masked: MaskedWeight, first: number, end: number, scratch: Scratch): Float32Array {
  const { mask, dtype, scale } = masked;
  const values = valuesOf(masked, first, end);
  if (!(values instanceof Int8Array)) return numbersOf({ values, dtype }, scratch);
  const numbers = new Float32Array(scratch.room('numbers', 4 * values.length), 0, values.length);
  scaled(values, scale as Float32Array, first, mask.offsets, numbers);
  return numbers;
}
