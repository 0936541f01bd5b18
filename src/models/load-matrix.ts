// One matrix from a checkpoint into a backend, in the form that it shall have in memory. It is read once, through memory that
// is used again and again: a stretch of rows at a time, or whole where its form is chosen by its zeros, where the checkpoint
// holds it in another order, and where it is held by columns. While a dense one is made sparse there is its dense twin;
// load-masked.ts makes one of the parts of a sparse file.

import type { Backend } from '../backend/backend.js';
import { ColumnMatrix } from '../tensor/column-matrix.js';
import type { DType } from '../tensor/dtype.js';
import { toInt8 } from '../tensor/int8.js';
import { Int8Matrix } from '../tensor/int8-matrix.js';
import { type DenseMatrix, type Matrix, SparseMatrix } from '../tensor/sparse-matrix.js';
import type { Tensor } from '../tensor/tensor.js';
import { liftF16, patternsOf, valuesOf, WEIGHTS_16, type Weights16 } from '../tensor/weights16.js';
import { type Form, type ZeroCount, zerosOf } from './forms.js';
import { keepsMask, loadMasked, zerosOfMasked } from './load-masked.js';
import { type MatrixSource, numbersOf, type Rows, type Scratch } from './matrix-source.js';

/** A form, or what chooses one once the zeros are counted. */
export type ChosenForm = Form | ((count: ZeroCount) => Form);

/** Elements of a stretch of rows. */
const STRETCH = 1 << 20;

/** Loads a matrix. What 16 bits cannot hold exactly is f32. Where this fails, `backend` may keep a part of the memory. */
export async function loadMatrix(
  backend: Backend,
  source: MatrixSource,
  chosen: ChosenForm,
  scratch: Scratch,
): Promise<Matrix> {
  const { rows, columns, dtype, masked } = source;
  if (masked) {
    const count = zerosOfMasked(masked);
    const form = typeof chosen === 'function' ? chosen(count) : chosen;
    if (keepsMask(masked, form)) return loadMasked(backend, masked, count, form.values, scratch);
    return loadMatrix(backend, { ...source, masked: undefined }, form, scratch);
  }
  const step = source.inParts ? Math.max(1, Math.floor(STRETCH / columns)) : rows;
  const lifts = liftsOf(backend, source, chosen);
  const each = async (use: (values: Rows, first: number, end: number) => void | Promise<void>) => {
    for (let first = 0; first < rows; first += step) {
      const end = Math.min(rows, first + step);
      await use({ values: await source.read(first, end, !lifts), dtype }, first, end);
    }
  };
  if (typeof chosen === 'function') {
    if (lifts) return loadF16(backend, source, chosen, scratch);
    const all = await source.read(0, rows);
    return loadMatrix(backend, inMemory(source, all), chosen(zerosOf(all)), scratch);
  }
  if (chosen.columns) return loadColumns(backend, source, chosen.values, scratch);
  const { values, sparse } = chosen;
  const allocate = <D extends DType>(type: D) => backend.allocate(type, [rows, columns]);
  if (!sparse && isWeights16(values)) {
    let tensor: Tensor = allocate(values);
    await each(async (part, first, end) => {
      if (lifts) {
        const place = tensor.rows(first, end) as Tensor<'f16'>;
        if (tensor.dtype === 'f16' && typeof backend.writeF16?.(place, part.values as Uint16Array) === 'number') return;
        source.check?.(part.values, first);
      }
      const patterns = tensor.dtype === 'f32' ? null : halvesOf(values, part);
      if (!patterns && tensor.dtype !== 'f32')
        tensor = await widened(backend, tensor as Tensor<Weights16>, first, step);
      backend.write(tensor.rows(first, end), patterns ?? numbersOf(part, scratch));
    });
    return tensor as DenseMatrix;
  }
  const scale = values === 'int8' ? backend.allocate('f32', [rows]) : undefined;
  const target = values === 'int8' && !sparse ? allocate('i8') : allocate('f32');
  await each((part, first, end) => {
    const numbers = numbersOf(part, scratch);
    if (!scale) backend.write(target.rows(first, end) as Tensor<'f32'>, numbers);
    else {
      const int8 = toInt8(numbers, end - first, columns);
      backend.write(scale.rows(first, end), int8.scale);
      if (!sparse) backend.write(target.rows(first, end) as Tensor<'i8'>, int8.values);
      else {
        // What the whole numbers stand for: divided by the scale they are these very numbers again.
        const stood = int8.values.length;
        const rounded = new Float32Array(scratch.room('rounded', 4 * stood), 0, stood);
        for (let i = 0; i < stood; i++) rounded[i] = int8.values[i] * int8.scale[Math.floor(i / columns)];
        backend.write(target.rows(first, end) as Tensor<'f32'>, rounded);
      }
    }
  });
  if (target.dtype === 'i8') return new Int8Matrix(target, scale as Tensor<'f32'>);
  if (!sparse) return target;
  const matrix = backend.compress(target, values === 'f16' ? 'f32' : values, scale);
  backend.free(target);
  return matrix;
}

/** Whether the backend takes the rows as they are stored, and sees for itself that they are finite. */
const liftsOf = (backend: Backend, { dtype, check }: MatrixSource, chosen: ChosenForm): boolean =>
  dtype === 'F16' &&
  check !== undefined &&
  backend.writeF16 !== undefined &&
  (typeof chosen === 'function' || (chosen.values === 'f16' && !chosen.sparse && !chosen.columns));

/** A matrix of f16 whose form its zeros choose: most are dense, and then all is done when they are counted. */
async function loadF16(
  backend: Backend,
  source: MatrixSource,
  choose: (count: ZeroCount) => Form,
  scratch: Scratch,
): Promise<Matrix> {
  const { rows, columns } = source;
  const all = (await source.read(0, rows, false)) as Uint16Array;
  const tensor = backend.allocate('f16', [rows, columns]);
  const zeros = backend.writeF16?.(tensor, all) ?? null;
  if (zeros === null) source.check?.(all, 0);
  const form = choose(zeros === null ? zerosOf(all) : { weights: all.length, zeros });
  if (zeros !== null && form.values === 'f16' && !form.sparse && !form.columns) return tensor;
  backend.free(tensor);
  return loadMatrix(backend, inMemory(source, all), form, scratch);
}

/** The same rows, now that they have been read. */
function inMemory(source: MatrixSource, all: Rows['values']): MatrixSource {
  const { columns } = source;
  return { ...source, inParts: true, read: async (first, end) => all.subarray(first * columns, end * columns) };
}

/** A tensor in f32 with the first `rows` rows of one in 16 bits, which is freed. */
async function widened(
  backend: Backend,
  tensor: Tensor<Weights16>,
  rows: number,
  step: number,
): Promise<Tensor<'f32'>> {
  const wide = backend.allocate('f32', tensor.shape);
  for (let first = 0; first < rows; first += step) {
    const end = Math.min(rows, first + step);
    const patterns = await backend.read(tensor.rows(first, end) as Tensor<Weights16>);
    backend.write(wide.rows(first, end) as Tensor<'f32'>, valuesOf(tensor.dtype, patterns));
  }
  backend.free(tensor);
  return wide;
}

/** A matrix by columns, of which some at a time are turned from the rows. */
async function loadColumns(
  backend: Backend,
  source: MatrixSource,
  values: Form['values'],
  scratch: Scratch,
): Promise<ColumnMatrix> {
  const { rows, columns, dtype } = source;
  const stored = await source.read(0, rows);
  const type = isWeights16(values) ? values : 'f32';
  const tensor = backend.allocate(type, [columns, rows]);
  const step = Math.max(1, Math.floor(STRETCH / rows));
  for (let first = 0; first < columns; first += step) {
    const end = Math.min(columns, first + step);
    const part = { values: turned(stored, columns, first, end, scratch), dtype };
    const written = type === 'f32' ? numbersOf(part, scratch) : halvesOf(type, part);
    if (written === null) {
      backend.free(tensor);
      return loadColumns(backend, inMemory(source, stored), 'f32', scratch);
    }
    backend.write(tensor.rows(first, end) as Tensor, written);
  }
  return new ColumnMatrix(tensor as DenseMatrix);
}

/** Columns [first, end) of rows, one behind another. */
function turned(values: Rows['values'], columns: number, first: number, end: number, scratch: Scratch): Rows['values'] {
  const rows = values.length / columns;
  const size = rows * (end - first);
  const room = scratch.room('turned', values.BYTES_PER_ELEMENT * size);
  const out = values instanceof Float32Array ? new Float32Array(room, 0, size) : new Uint16Array(room, 0, size);
  for (let r = 0; r < rows; r++)
    for (let c = first; c < end; c++) out[(c - first) * rows + r] = values[r * columns + c];
  return out;
}

/** The form that a matrix has. */
export function formIn(matrix: Matrix): Form {
  if (matrix instanceof SparseMatrix) return { values: matrix.values, sparse: true };
  if (matrix instanceof Int8Matrix) return { values: 'int8', sparse: false };
  if (matrix instanceof ColumnMatrix) return { values: matrix.values.dtype, sparse: false, columns: true };
  return { values: matrix.dtype, sparse: false };
}

/** What a backend holds in 16 bits for rows of that dtype; null where it cannot hold every one of them exactly. */
function halvesOf(dtype: Weights16, { values }: Rows): Uint16Array | null {
  if (values instanceof Float32Array) return patternsOf(dtype, values);
  return dtype === 'bf16' ? values : liftF16(values);
}

const isWeights16 = (values: string): values is Weights16 => (WEIGHTS_16 as readonly string[]).includes(values);
