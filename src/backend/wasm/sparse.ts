// Sparse matrices of the wasm backend: made of dense ones, and multiplied (assembly/sparse*.ts has the layout).

import { BackendError } from '../../errors.js';
import { SparseMatrix, type SparseValues } from '../../tensor/sparse-matrix.js';
import type { Storage, Tensor } from '../../tensor/tensor.js';
import { viewOf } from './memory.js';
import type { KernelRunner } from './runner.js';
import {
  SPARSE_BLOCK,
  SPARSE_GROUPS,
  SPARSE_NARROW,
  SPARSE_ROWS,
  SPARSE_SCRATCH,
  SPARSE_SLICE,
  SPARSE_TILE,
  SPARSE_TOKENS,
} from './units.js';

/** More tokens than these are multiplied as tiles, fewer one by one. */
const VECTORS = 3;
/** Tokens that are packed before they are multiplied: so few that they stay in the second cache meanwhile. */
const TOGETHER = 512;

/** The parts of one matrix. */
class SparseStorage implements Storage {
  readonly bytes: number;
  freed = false;

  constructor(
    readonly starts: Tensor<'i32'>,
    readonly counts: Tensor<'i32'>,
    /** Two to an element. */
    readonly offsets: Tensor<'i32'>,
    /** Of bf16 two to an element. */
    readonly values: Tensor,
  ) {
    this.bytes = this.parts.reduce((sum, { storage }) => sum + storage.bytes, 0);
  }

  get parts(): Tensor[] {
    return [this.starts, this.counts, this.offsets, this.values];
  }
}

/** The parts of a matrix of this backend that is still alive. */
function partsOf({ storage, rowCount, columns }: SparseMatrix): SparseStorage {
  if (storage instanceof SparseStorage && !storage.freed) return storage;
  throw new BackendError({
    expected: 'a sparse matrix of this backend that has not been freed',
    got: storage instanceof SparseStorage ? 'one that has' : 'one of another backend',
    where: `a sparse matrix [${rowCount},${columns}]`,
  });
}

/** The weights of a matrix that are not 0. */
export function compress(runner: KernelRunner, weight: Tensor<'f32'>, values: SparseValues): SparseMatrix {
  const { rowCount: rows, columns } = weight;
  const groups = Math.ceil(rows / 4);
  const slices = Math.ceil(columns / SPARSE_SLICE);
  const blocks = Math.ceil(columns / SPARSE_BLOCK);
  const made: Tensor[] = [];
  const allocate = <D extends 'i32' | 'f32'>(dtype: D, size: number): Tensor<D> => {
    const tensor = runner.allocate(dtype, [Math.max(1, size)], `a sparse matrix of ${rows}×${columns}`);
    made.push(tensor);
    return tensor;
  };
  try {
    const starts = allocate('i32', blocks * groups + 1);
    const counts = allocate('i32', slices * groups * 4);
    runner.run('countEntries', groups, 4 * columns, counts, [weight, counts, rows, columns]);
    const entries = place(integers(starts), integers(counts), groups);
    const offsets = allocate('i32', Math.ceil(entries / 2));
    const kept = values === 'f32' ? allocate('f32', entries) : allocate('i32', Math.ceil(entries / 2));
    const storage = new SparseStorage(starts, counts, offsets, kept);
    const half = Number(values === 'bf16');
    // Both outputs are named: parts of one matrix may lie in different arenas.
    runner.runAll(
      'fillEntries',
      groups,
      16 * columns,
      [offsets, kept],
      [weight, starts, offsets, kept, rows, columns, half],
    );
    return new SparseMatrix(storage, values, rows, columns);
  } catch (error) {
    for (const tensor of made) runner.free(tensor);
    throw error;
  }
}

/** Frees a matrix and every view of it. */
export function freeSparse(runner: KernelRunner, matrix: SparseMatrix): void {
  const storage = partsOf(matrix);
  for (const part of storage.parts) runner.free(part);
  storage.freed = true;
}

/** y[T, rows] = x[T, columns] · matrixᵀ (+ bias[rows]). */
export function sparseLinear(
  runner: KernelRunner,
  y: Tensor<'f32'>,
  x: Tensor<'f32'>,
  matrix: SparseMatrix,
  bias: Tensor<'f32'> | null,
): void {
  const { starts, counts, offsets, values } = partsOf(matrix);
  const { columns, first, rowCount, storedRows } = matrix;
  const tokens = x.rowCount;
  const last = first + rowCount;
  const groups = Math.ceil(storedRows / 4);
  const half = Number(matrix.values === 'bf16');
  const perWeight = (2 * offsets.size) / (storedRows * columns);
  if (tokens <= VECTORS) {
    const units = Math.ceil((Math.ceil(last / 4) - Math.floor(first / 4)) / SPARSE_GROUPS);
    const work = 4 * SPARSE_GROUPS * columns * tokens * perWeight;
    const operands = [x, starts, offsets, values, bias, y, groups, columns, first, last, tokens, half];
    runner.run('sparseVectors', units, work, y, operands);
    return;
  }
  const packed = runner.allocate('f32', [columns * packedTokens(Math.min(tokens, TOGETHER))], 'tokens side by side');
  try {
    for (let t = 0; t < tokens; t += TOGETHER) {
      const [xs, ys] = [x, y].map((tensor) =>
        tensor.reshape(tokens, tensor.columns).rows(t, Math.min(t + TOGETHER, tokens)),
      );
      const count = xs.rowCount;
      runner.run('packTokens', Math.ceil(count / SPARSE_TILE), SPARSE_TILE * columns, packed, [
        xs,
        packed,
        columns,
        count,
      ]);
      const rowBlocks = Math.ceil((last - (first & ~3)) / SPARSE_ROWS);
      const work = SPARSE_ROWS * Math.min(count, SPARSE_TOKENS) * columns * perWeight;
      const operands = [packed, starts, counts, offsets, values, bias, ys, groups, columns, first, last, count, half];
      runner.run('sparseLinear', rowBlocks * Math.ceil(count / SPARSE_TOKENS), work, ys, operands, SPARSE_SCRATCH);
    }
  } finally {
    runner.free(packed);
  }
}

/** Tokens that tiles for so many have room for. */
function packedTokens(tokens: number): number {
  const rest = tokens % SPARSE_TILE;
  return tokens - rest + (rest === 0 ? 0 : rest > SPARSE_NARROW ? SPARSE_TILE : SPARSE_NARROW);
}

/** Fills in where every group begins, each as long as its longest row, and returns how many entries there are in all. */
function place(starts: Int32Array, counts: Int32Array, groups: number): number {
  const perBlock = (SPARSE_BLOCK / SPARSE_SLICE) * groups;
  const ofLastSlice = counts.length / 4 - groups;
  let entries = 0;
  for (let i = 0; i + 1 < starts.length; i++) {
    starts[i] = entries;
    const block = Math.floor(i / groups);
    const c = 4 * (Math.min((block + 1) * perBlock - groups, ofLastSlice) + (i % groups));
    entries += 4 * Math.max(counts[c], counts[c + 1], counts[c + 2], counts[c + 3]);
  }
  starts[starts.length - 1] = entries;
  return entries;
}

function integers(tensor: Tensor<'i32'>): Int32Array {
  const { buffer, byteOffset } = viewOf(tensor);
  return new Int32Array(buffer, byteOffset, tensor.size);
}
