// Sparse matrices of the wasm backend: made of dense ones, and multiplied (assembly/sparse*.ts has the layout).

import { BackendError } from '../../errors.js';
import { SPARSE_VALUES, SparseMatrix, type SparseValues, stepBytes } from '../../tensor/sparse-matrix.js';
import { rowsOf, type Storage, type Tensor } from '../../tensor/tensor.js';
import type { LayerOf } from '../backend.js';
import { viewOf } from './memory.js';
import type { KernelRunner } from './runner.js';
import {
  SPARSE_BLOCK,
  SPARSE_FAR,
  SPARSE_GROUPS,
  SPARSE_NARROW,
  SPARSE_NEAR,
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

/** The index of a matrix, and its parts. */
interface Index {
  whole: Tensor<'i32'>;
  starts: Tensor<'i32'>;
  order: Tensor<'i32'>;
  counts: Tensor<'i32'>;
}

function indexOf(whole: Tensor<'i32'>, groups: number): Index {
  const [order, counts] = [groups + 1, 2 * groups + 1];
  return {
    whole,
    starts: whole.rows(0, order),
    order: whole.rows(order, counts),
    counts: whole.rows(counts, whole.size),
  };
}

/**
 * One matrix: its index (starts, order, counts) and its entries (steps, values), each in one piece; the parts are as
 * assembly/sparse.ts names them. Four of order, of counts and of steps (or eight of these) are an element, two values of
 * bf16, and four of int8.
 */
export class SparseStorage implements Storage {
  readonly bytes: number;
  freed = false;
  readonly steps: Tensor<'i32'>;
  readonly values: Tensor<'i32'>;

  constructor(
    readonly index: Index,
    readonly entries: Tensor<'i32'>,
    /** Entries, those included that fill rows up. */
    readonly count: number,
    readonly far: Far,
    /** Entries of the longest window, and of the longest group. */
    readonly longest: Longest,
  ) {
    this.bytes = index.whole.storage.bytes + entries.storage.bytes;
    this.steps = entries.rows(0, stepWords(count, far));
    this.values = entries.rows(this.steps.size, entries.size);
  }

  /** Bytes of scratch memory of a thread for the steps of a window, or of a group, which begins and ends inside blocks. */
  scratch(of: keyof Longest): number {
    return this.far === SPARSE_NEAR ? this.longest[of] + 2 * SPARSE_BLOCK : 0;
  }
}

interface Longest {
  window: number;
  group: number;
}

/** The longest step: of 4 bits, or 8. */
type Far = typeof SPARSE_NEAR | typeof SPARSE_FAR;

const stepWords = (count: number, far: Far) => count / (far === SPARSE_NEAR ? 8 : 4);

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
    count: (counts, far) =>
      runner.run('countEntries', groups, 4 * columns, counts, [weight, counts, rows, columns, far]),
    fill: (storage) => {
      const { index, values: kept, far, count } = storage;
      withSteps(runner, storage, 0, count, (steps, before) => {
        const parts = [index.starts, index.order, steps, kept, scale];
        const operands = [weight, ...parts, rows, columns, SPARSE_VALUES.indexOf(values), far, before];
        runner.run('fillEntries', groups, 16 * columns, [steps, kept], operands);
      });
    },
  });
}

/** How a matrix is made. */
interface Making {
  /** Fills in the counts, where no step is longer than `far`. */
  count(counts: Tensor<'i32'>, far: Far): void;
  fill(storage: SparseStorage): void;
}

/** A sparse matrix whose entries are counted, then filled in, by kernels: each piece of its memory has the size that it needs. */
export function makeSparse(
  runner: KernelRunner,
  rows: number,
  columns: number,
  values: SparseValues,
  scale: Tensor<'f32'> | null,
  making: Making,
): SparseMatrix {
  const groups = Math.ceil(rows / 4);
  const size = groups * (2 + Math.ceil(columns / SPARSE_STRIP)) + 1;
  const purpose = `a sparse matrix of ${rows}×${columns}`;
  const made: Tensor<'i32'>[] = [];
  const allocate = (length: number) => {
    made.push(runner.allocate('i32', [length], purpose));
    return made[made.length - 1];
  };
  try {
    const index = indexOf(allocate(size), groups);
    making.count(index.counts, SPARSE_FAR);
    let lengths = lengthsOf(index);
    const kept = lengths.reduce((total, length) => total + length, 0);
    const far = stepBytes(kept, rows * columns) < 1 ? SPARSE_NEAR : SPARSE_FAR;
    if (far === SPARSE_NEAR) {
      making.count(index.counts, far);
      lengths = lengthsOf(index);
    }
    const [starts, order] = [index.starts, index.order].map(viewOf);
    const begins = new Uint32Array(starts.buffer, starts.byteOffset, starts.length / 4);
    const { entries, longest } = sortRows(lengths, begins, order, far === SPARSE_NEAR ? SPARSE_BLOCK : 1);
    const memory = allocate(Math.max(1, stepWords(entries, far) + entries / VALUES_OF[values]));
    const storage = new SparseStorage(index, memory, entries, far, longest);
    making.fill(storage);
    return new SparseMatrix(storage, values, scale, rows, columns);
  } catch (error) {
    for (const tensor of made) runner.free(tensor);
    throw error;
  }
}

/**
 * Has the steps of the entries [begin, end), whole windows, filled in as bytes: where they belong, or in memory from which
 * they are packed. `fill` is told which entry has the first of the steps that it gets.
 */
export function withSteps(
  runner: KernelRunner,
  { far, steps }: SparseStorage,
  begin: number,
  end: number,
  fill: (steps: Tensor<'i32'>, before: number) => void,
): void {
  if (far === SPARSE_FAR) {
    fill(steps, 0);
    return;
  }
  const bytes = runner.allocate('i32', [Math.max(1, (end - begin) / 4)], 'steps of a sparse matrix');
  try {
    fill(bytes, begin);
    const own = steps.rows(stepWords(begin, far), stepWords(end, far));
    runner.run('packSteps', (end - begin) / SPARSE_BLOCK, SPARSE_BLOCK / 4, own, [bytes, own]);
  } finally {
    runner.free(bytes);
  }
}

/** Frees a matrix and every view of it. */
export function freeSparse(runner: KernelRunner, matrix: SparseMatrix): void {
  const storage = storageOf(matrix);
  runner.free(storage.index.whole);
  runner.free(storage.entries);
  if (matrix.scale) runner.free(matrix.scale);
  storage.freed = true;
}

/** y[T, rows] = x[T, columns] · weightᵀ (+ bias[rows]) of each layer. */
export function sparseLinear(runner: KernelRunner, x: Tensor<'f32'>, layers: readonly LayerOf<SparseMatrix>[]): void {
  const { rowCount: tokens, columns } = x;
  if (tokens <= FEW_TOKENS) {
    for (const layer of layers) multiply(runner, x, tokens, layer.y, layer, false);
    return;
  }
  const size = columns * packedTokens(Math.min(tokens, PACKED_TOKENS));
  const packed = runner.allocate('f32', [size], 'tokens side by side');
  try {
    for (let t = 0; t < tokens; t += PACKED_TOKENS) {
      const end = Math.min(t + PACKED_TOKENS, tokens);
      const count = end - t;
      const operands = [rowsOf(x, tokens, t, end), packed, columns, count];
      runner.run('packTokens', Math.ceil(count / SPARSE_TILE), SPARSE_TILE * columns, packed, operands);
      for (const layer of layers) multiply(runner, packed, count, rowsOf(layer.y, tokens, t, end), layer, true);
    }
  } finally {
    runner.free(packed);
  }
}

/** y of `tokens` tokens, which lie in x one after another or, where it is packed, side by side as tiles. */
function multiply(
  runner: KernelRunner,
  x: Tensor<'f32'>,
  tokens: number,
  y: Tensor<'f32'>,
  { weight, bias }: LayerOf<SparseMatrix>,
  packed: boolean,
): void {
  const storage = storageOf(weight);
  const { index, steps, values, count, far } = storage;
  const { starts, order, counts } = index;
  const { scale, columns, first, rowCount, storedRows } = weight;
  const last = first + rowCount;
  const groups = Math.ceil(storedRows / 4);
  const windows = Math.ceil(last / SPARSE_ROWS) - Math.floor(first / SPARSE_ROWS);
  const kind = SPARSE_VALUES.indexOf(weight.values);
  const work = (SPARSE_ROWS * count) / storedRows;
  if (packed) {
    const parts = [starts, order, counts, steps, values, scale, bias];
    const operands = [x, ...parts, y, groups, columns, first, last, tokens, kind, far];
    const [units, each] = [windows * Math.ceil(tokens / SPARSE_TOKENS), work * Math.min(tokens, SPARSE_TOKENS)];
    runner.run('sparseLinear', units, each, y, operands, SPARSE_SCRATCH + storage.scratch('window'));
  } else {
    const operands = [x, starts, order, steps, values, scale, bias, y, groups, columns, first, last, tokens, kind, far];
    const parts = SPARSE_ROWS / 4 / SPARSE_GROUPS;
    runner.run('sparseVectors', windows * parts, (work * tokens) / parts, y, operands, storage.scratch('group'));
  }
}

/** Tokens that tiles for so many have room for. */
function packedTokens(tokens: number): number {
  const rest = tokens % SPARSE_TILE;
  return tokens - rest + (rest === 0 ? 0 : rest > SPARSE_NARROW ? SPARSE_TILE : SPARSE_NARROW);
}

/** Entries of each row, in all strips. */
function lengthsOf(index: Index): Uint32Array {
  const [order, counts] = [index.order, index.counts].map(viewOf);
  const lengths = new Uint32Array(order.length);
  for (let k = 0; k < counts.length; k += lengths.length)
    for (let row = 0; row < lengths.length; row++) lengths[row] += counts[k + row];
  return lengths;
}

interface Placed {
  entries: number;
  longest: Longest;
}

/**
 * Sorts the rows of each window by the length of what they have, the longest first, as assembly/sparse.ts has it.
 * @param lengths [4·groups]
 * @param starts [groups + 1]: where each group begins, filled in; each is as long as its longest row, and the last one of a
 *   window as it has to be for the window to have whole blocks
 * @param order [4·groups]: which row of its window stands at each place, filled in
 * @param block entries of a block
 */
export function sortRows(lengths: Uint32Array, starts: Uint32Array, order: Uint8Array, block: number): Placed {
  const longest = { window: 0, group: 0 };
  let entries = 0;
  for (let first = 0; first < lengths.length; first += SPARSE_ROWS) {
    const before = entries;
    // Numbers whose order is that of rows: by length, then as they come.
    const window = lengths.subarray(first, first + SPARSE_ROWS);
    const keys = Float64Array.from(window, (length, row) => (2 ** 32 - length) * SPARSE_ROWS + row);
    for (const [i, key] of keys.sort().entries()) {
      const row = key % SPARSE_ROWS;
      order[first + i] = row;
      if (i % 4 !== 0) continue;
      starts[(first + i) / 4] = entries;
      entries += 4 * lengths[first + row];
      longest.group = Math.max(longest.group, 4 * lengths[first + row]);
    }
    entries = Math.ceil(entries / block) * block;
    longest.window = Math.max(longest.window, entries - before);
  }
  starts[starts.length - 1] = entries;
  return { entries, longest };
}
