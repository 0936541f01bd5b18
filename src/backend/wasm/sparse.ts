// Sparse matrices of the wasm backend: made of dense ones, and multiplied (assembly/sparse*.ts has the layout).

import { BackendError } from '../../errors.js';
import { SPARSE_VALUES, SparseMatrix, type SparseValues } from '../../tensor/sparse-matrix.js';
import type { Storage, Tensor } from '../../tensor/tensor.js';
import { viewOf } from './memory.js';
import type { KernelRunner } from './runner.js';
import {
  SPARSE_BLOCK,
  SPARSE_GROUPS,
  SPARSE_NARROW,
  SPARSE_ROWS,
  SPARSE_SCRATCH,
  SPARSE_STRIP,
  SPARSE_TILE,
  SPARSE_TOKENS,
} from './units.js';

/** So many tokens are multiplied one by one, more as tiles. */
const FEW_TOKENS = 3;
/** Tokens that are packed before they are multiplied: of some hundred columns they stay in the second cache meanwhile. */
const PACKED_TOKENS = 512;

/**
 * One matrix: its index (starts, then counts) and its entries (offsets, then values), each in one piece; the parts are as
 * assembly/sparse.ts names them. Two counts are an element, four offsets, two values of bf16, and four of int8.
 */
export class SparseStorage implements Storage {
  readonly bytes: number;
  freed = false;
  readonly starts: Tensor<'i32'>;
  readonly counts: Tensor<'i32'>;
  readonly offsets: Tensor<'i32'>;
  readonly values: Tensor<'i32'>;

  constructor(
    readonly index: Tensor<'i32'>,
    readonly entries: Tensor<'i32'>,
    starts: number,
    /** Entries, those included that fill rows up. */
    readonly count: number,
  ) {
    this.bytes = index.storage.bytes + entries.storage.bytes;
    this.starts = index.rows(0, starts);
    this.counts = index.rows(starts, index.size);
    this.offsets = entries.rows(0, count / 4);
    this.values = entries.rows(count / 4, entries.size);
  }
}

/** The storage of a matrix of this backend that is still alive. */
function storageOf({ storage, rowCount, columns }: SparseMatrix): SparseStorage {
  if (storage instanceof SparseStorage && !storage.freed) return storage;
  throw new BackendError({
    expected: 'a sparse matrix of this backend that has not been freed',
    got: storage instanceof SparseStorage ? 'one that has' : 'one of another backend',
    where: `a sparse matrix [${rowCount},${columns}]`,
  });
}

/** Values in an element. */
const VALUES_OF: Record<SparseValues, number> = { f32: 1, bf16: 2, int8: 4 };

/** The weights of a matrix that are not 0. */
export function compress(
  runner: KernelRunner,
  weight: Tensor<'f32'>,
  values: SparseValues,
  scale: Tensor<'f32'> | null,
): SparseMatrix {
  const { rowCount: rows, columns } = weight;
  const groups = Math.ceil(rows / 4);
  return makeSparse(runner, rows, columns, values, scale, {
    count: (counts) => runner.run('countEntries', groups, 4 * columns, counts, [weight, counts, rows, columns]),
    fill: ({ starts, offsets, values: kept }) => {
      const operands = [weight, starts, offsets, kept, scale, rows, columns, SPARSE_VALUES.indexOf(values)];
      runner.run('fillEntries', groups, 16 * columns, [offsets, kept], operands);
    },
  });
}

/** A sparse matrix whose entries are counted, then filled in, by kernels: each piece of its memory has the size that it needs. */
export function makeSparse(
  runner: KernelRunner,
  rows: number,
  columns: number,
  values: SparseValues,
  scale: Tensor<'f32'> | null,
  { count, fill }: { count(counts: Tensor<'i32'>): void; fill(storage: SparseStorage): void },
): SparseMatrix {
  const groups = Math.ceil(rows / 4);
  const blocks = Math.ceil(columns / SPARSE_BLOCK);
  const starts = groups * blocks + 1;
  const size = starts + Math.ceil(columns / SPARSE_STRIP) * groups * 2;
  const purpose = `a sparse matrix of ${rows}×${columns}`;
  const made: Tensor<'i32'>[] = [];
  const allocate = (length: number) => {
    made.push(runner.allocate('i32', [length], purpose));
    return made[made.length - 1];
  };
  try {
    const index = allocate(size);
    count(index.rows(starts, size));
    const { buffer, byteOffset } = viewOf(index);
    const counts = new Uint16Array(buffer, byteOffset + 4 * starts, 2 * (size - starts));
    const entries = place(new Int32Array(buffer, byteOffset, starts), counts, groups, blocks);
    const memory = allocate(Math.max(1, entries / 4 + entries / VALUES_OF[values]));
    const storage = new SparseStorage(index, memory, starts, entries);
    fill(storage);
    return new SparseMatrix(storage, values, scale, rows, columns);
  } catch (error) {
    for (const tensor of made) runner.free(tensor);
    throw error;
  }
}

/** Frees a matrix and every view of it. */
export function freeSparse(runner: KernelRunner, matrix: SparseMatrix): void {
  const storage = storageOf(matrix);
  runner.free(storage.index);
  runner.free(storage.entries);
  if (matrix.scale) runner.free(matrix.scale);
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
  const { starts, counts, offsets, values, count: entries } = storageOf(matrix);
  const { scale, columns, first, rowCount, storedRows } = matrix;
  const tokens = x.rowCount;
  const last = first + rowCount;
  const groups = Math.ceil(storedRows / 4);
  const kind = SPARSE_VALUES.indexOf(matrix.values);
  const perWeight = entries / (storedRows * columns);
  if (tokens <= FEW_TOKENS) {
    const units = Math.ceil((Math.ceil(last / 4) - Math.floor(first / 4)) / SPARSE_GROUPS);
    const work = 4 * SPARSE_GROUPS * columns * tokens * perWeight;
    const operands = [x, starts, offsets, values, scale, bias, y, columns, first, last, tokens, kind];
    runner.run('sparseVectors', units, work, y, operands);
    return;
  }
  const packed = runner.allocate(
    'f32',
    [columns * packedTokens(Math.min(tokens, PACKED_TOKENS))],
    'tokens side by side',
  );
  try {
    for (let t = 0; t < tokens; t += PACKED_TOKENS) {
      const [xs, ys] = [x, y].map((tensor) =>
        tensor.reshape(tokens, tensor.columns).rows(t, Math.min(t + PACKED_TOKENS, tokens)),
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
      const parts = [starts, counts, offsets, values, scale, bias];
      const operands = [packed, ...parts, ys, groups, columns, first, last, count, kind];
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

/** Fills in where every block of a group begins, each as long as its longest row, and returns how many entries there are in all. */
function place(starts: Int32Array, counts: Uint16Array, groups: number, blocks: number): number {
  const perBlock = (SPARSE_BLOCK / SPARSE_STRIP) * groups;
  const ofLastStrip = counts.length / 4 - groups;
  let entries = 0;
  for (let i = 0; i + 1 < starts.length; i++) {
    starts[i] = entries;
    const group = Math.floor(i / blocks);
    const c = 4 * (Math.min(((i % blocks) + 1) * perBlock - groups, ofLastStrip) + group);
    entries += 4 * Math.max(counts[c], counts[c + 1], counts[c + 2], counts[c + 3]);
  }
  starts[starts.length - 1] = entries;
  return entries;
}
