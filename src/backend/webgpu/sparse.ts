// Sparse matrices: the entries of a row one after another, each with its column; bf16 with its column in one word where the
// columns allow it, otherwise two words an entry. How many there are, only the GPU knows: entries are written to memory
// for all of them, and moved to as much as they need once their number has come back, while the matrix is in use already.
// A few tokens meet the entries row by row; for many, a part of the matrix is made dense again and multiplied in tiles.

import { BackendError } from '../../errors.js';
import { SparseMatrix, type SparseValues } from '../../tensor/sparse-matrix.js';
import { rowsOf, type Storage, type Tensor } from '../../tensor/tensor.js';
import { fillPattern } from './fill.js';
import type { Gpu } from './gpu.js';
import { roundWeights, scaleRows } from './int8.js';
import type { Kernel } from './kernel.js';
import { FEW_TOKENS, linear, rowsMadeDense } from './linear.js';
import { sumBefore } from './selection.js';
import { prefix } from './wgsl/reductions.js';

const LANES = 64;
/** Columns whose numbers leave room for a bf16. */
const SHORT = 65536;

/** Some rows of a matrix: as many as have their entries in one binding. */
interface Part {
  /** The rows [from, to). */
  from: number;
  to: number;
  /** Where the entries of each row begin, and where the last ones end. */
  starts: Tensor<'i32'>;
  entries: Tensor<'i32'>;
}

class SparseStorage implements Storage {
  freed = false;

  constructor(
    readonly gpu: Gpu,
    readonly parts: Part[],
    /** Whether an entry is one word. */
    readonly short: boolean,
  ) {}

  get bytes(): number {
    return this.parts.reduce((sum, { starts, entries }) => sum + starts.storage.bytes + entries.storage.bytes, 0);
  }
}

const countKernel: Kernel = {
  name: 'count entries',
  operands: [
    { name: 'starts', type: 'u32', writes: true },
    { name: 'w', type: 'u32' },
  ],
  params: ['columns'],
  lanes: LANES,
  code: /* wgsl */ `
${prefix(LANES)}
fn run(group: u32, lane: u32) {
  var count = 0u;
  for (var c = lane; c < p.columns; c += ${LANES}) { count += u32((raw_w(group * p.columns + c) & 0x7fffffffu) != 0); }
  let all = prefix(count, lane).y;
  if (lane == 0) { set_starts(group, all); }
}`,
};

/** bf16: the upper half, rounded to nearest, ties to even. */
const fillKernel: Kernel = {
  name: 'fill entries',
  operands: [
    { name: 'entries', type: 'u32', writes: true },
    { name: 'starts', type: 'u32' },
    { name: 'w', type: 'u32' },
  ],
  params: ['columns', 'short', 'half'],
  lanes: LANES,
  code: /* wgsl */ `
${prefix(LANES)}
fn run(group: u32, lane: u32) {
  var next = get_starts(group);
  for (var c0 = 0u; c0 < p.columns; c0 += ${LANES}) {
    let c = c0 + lane;
    var w = 0u;
    if (c < p.columns) { w = raw_w(group * p.columns + c); }
    let there = (w & 0x7fffffffu) != 0;
    let numbers = prefix(u32(there), lane);
    let at = next + numbers.x;
    next += numbers.y;
    if (p.half == 1) { w = (w + 0x7fffu + ((w >> 16) & 1)) & 0xffff0000u; }
    if (there && p.short == 1) { put_entries(at, w | c); }
    if (there && p.short == 0) {
      put_entries(2 * at, c);
      put_entries(2 * at + 1, w);
    }
  }
}`,
};

const entry = /* wgsl */ `
/** The column of an entry, and the bits of its value. */
fn entry(i: u32) -> vec2u {
  if (p.short == 1) { let e = raw_entries(i); return vec2u(e & 0xffffu, e & 0xffff0000u); }
  return vec2u(raw_entries(2 * i), raw_entries(2 * i + 1));
}`;

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

const vectorsOf = (tokens: number): Kernel => ({
  name: `sparse linear, ${tokens} tokens`,
  operands: [
    { name: 'y', type: 'f32', writes: true },
    { name: 'x', type: 'f32' },
    { name: 'starts', type: 'u32' },
    { name: 'entries', type: 'u32' },
    { name: 'b', type: 'f32' },
  ],
  params: ['columns', 'stride', 'first', 'biased', 'short'],
  lanes: LANES,
  code: /* wgsl */ `
${entry}
var<workgroup> sums: array<f32, ${LANES * tokens}>;
var<workgroup> parts: array<f32, ${4 * tokens}>;
fn run(group: u32, lane: u32) {
  ${range(tokens)
    .map((t) => `var s${t} = 0.0;`)
    .join(' ')}
  let end = get_starts(group + 1);
  for (var i = get_starts(group) + lane; i < end; i += ${LANES}) {
    let e = entry(i);
    let w = bitcast<f32>(e.y);
    ${range(tokens)
      .map((t) => `s${t} = fma(w, get_x(${t} * p.columns + e.x), s${t});`)
      .join(' ')}
  }
  ${range(tokens)
    .map((t) => `sums[${t * LANES} + lane] = s${t};`)
    .join(' ')}
  workgroupBarrier();
  if (lane < ${4 * tokens}) {
    var part = 0.0;
    for (var i = 0u; i < ${LANES / 4}; i++) { part += sums[lane * ${LANES / 4} + i]; }
    parts[lane] = part;
  }
  workgroupBarrier();
  if (lane < ${tokens}) {
    var sum = (parts[4 * lane] + parts[4 * lane + 1]) + (parts[4 * lane + 2] + parts[4 * lane + 3]);
    if (p.biased == 1) { sum += get_b(group); }
    set_y(lane * p.stride + p.first + group, sum);
  }
}`,
});

const vectors = range(FEW_TOKENS).map((t) => vectorsOf(t + 1));

const denseKernel: Kernel = {
  name: 'make dense',
  operands: [
    { name: 'w', type: 'u32', writes: true },
    { name: 'starts', type: 'u32' },
    { name: 'entries', type: 'u32' },
  ],
  params: ['columns', 'short'],
  lanes: LANES,
  code: /* wgsl */ `
${entry}
fn run(group: u32, lane: u32) {
  let end = get_starts(group + 1);
  for (var i = get_starts(group) + lane; i < end; i += ${LANES}) {
    let e = entry(i);
    put_w(group * p.columns + e.x, e.y);
  }
}`,
};

/** The weights of a matrix that are not 0; of int8 the whole numbers, which a bf16 holds. */
export function compress(
  gpu: Gpu,
  weight: Tensor<'f32'>,
  values: SparseValues,
  scale: Tensor<'f32'> | null,
): SparseMatrix {
  const { rowCount: rows, columns } = weight;
  if (scale) {
    const whole = gpu.memory.allocate('f32', [rows, columns], 'whole numbers of a matrix');
    try {
      roundWeights(gpu, whole, weight, scale);
      const { storage } = compress(gpu, whole, 'bf16', null);
      return new SparseMatrix(storage, values, scale, rows, columns);
    } finally {
      gpu.memory.free(whole);
    }
  }
  const short = values === 'bf16' && columns <= SHORT;
  const words = short ? 1 : 2;
  const purpose = `a sparse matrix of ${rows}×${columns}`;
  const storage = new SparseStorage(gpu, [], short);
  const step = Math.max(1, Math.floor(gpu.device.bindingBytes / 8 / columns));
  try {
    for (let from = 0; from < rows; from += step) {
      const to = Math.min(from + step, rows);
      const starts = gpu.memory.allocate('i32', [to - from + 1], purpose);
      const part = { from, to, starts, entries: starts };
      storage.parts.push(part);
      part.entries = gpu.memory.allocate('i32', [(to - from) * columns * words], purpose);
      const [counted, own] = [starts.rows(0, to - from), rowsOf(weight, rows, from, to)];
      fillPattern(gpu, starts, [0]);
      gpu.run(countKernel, [counted, own], { columns }, to - from);
      sumBefore(gpu, starts);
      const params = { columns, short: Number(short), half: Number(values === 'bf16') };
      gpu.run(fillKernel, [part.entries, starts, own], params, to - from);
    }
  } catch (error) {
    freeParts(storage);
    throw error;
  }
  void shrink(storage);
  return new SparseMatrix(storage, values, null, rows, columns);
}

/** Moves the entries to memory of their size, once their number is known and where there is room beside the large one. */
async function shrink(storage: SparseStorage): Promise<void> {
  const { gpu, parts, short } = storage;
  const { memory, recorder } = gpu;
  try {
    for (const part of parts) {
      const { starts, entries: large } = part;
      const [entries] = new Uint32Array(
        (await recorder.read(memory.of(starts), 4 * (starts.offset + starts.size - 1), 4)).buffer,
      );
      if (storage.freed) return;
      const words = entries * (short ? 1 : 2);
      const small = await memory.tryAllocate('i32', [Math.max(1, words)], 'the entries of a sparse matrix');
      if (!small) continue;
      if (storage.freed) {
        memory.free(small);
        return;
      }
      gpu.device.check();
      if (words > 0) recorder.copy(memory.of(large), 0, memory.of(small), 0, 4 * words);
      part.entries = small;
      memory.free(large);
    }
  } catch {
    // The device has been lost or disposed of, which the next call says.
  }
}

function freeParts({ gpu, parts }: SparseStorage): void {
  for (const { starts, entries } of parts) {
    gpu.memory.free(starts);
    if (entries !== starts) gpu.memory.free(entries);
  }
}

/** Frees a matrix and every view of it. */
export function freeSparse(gpu: Gpu, matrix: SparseMatrix): void {
  const storage = storageOf(gpu, matrix);
  storage.freed = true;
  freeParts(storage);
  if (matrix.scale) gpu.memory.free(matrix.scale);
}

/** y[T, rows] = x[T, columns] · matrixᵀ (+ bias[rows]). */
export function sparseLinear(
  gpu: Gpu,
  y: Tensor<'f32'>,
  x: Tensor<'f32'>,
  matrix: SparseMatrix,
  bias: Tensor<'f32'> | null,
): void {
  const { parts, short } = storageOf(gpu, matrix);
  const { scale, first, rowCount: stride, columns } = matrix;
  if (scale) {
    const { storage, storedRows } = matrix;
    sparseLinear(gpu, y, x, new SparseMatrix(storage, 'bf16', null, storedRows, columns, first, stride), null);
    scaleRows(gpu, y, scale, null, bias);
    return;
  }
  const tokens = x.rowCount;
  const step = tokens <= FEW_TOKENS ? Number.MAX_SAFE_INTEGER : rowsMadeDense(gpu, columns);
  for (const { from, to, starts, entries } of parts) {
    const end = Math.min(to, first + stride);
    for (let row = Math.max(from, first); row < end; row += step) {
      const last = Math.min(row + step, end);
      const rows = last - row;
      const own = starts.rows(row - from, last - from + 1);
      const added = bias?.reshape(stride).rows(row - first, last - first) ?? null;
      const params = { columns, short: Number(short) };
      if (tokens <= FEW_TOKENS) {
        const place = { stride, first: row - first, biased: Number(bias !== null) };
        gpu.run(vectors[tokens - 1], [y, x, own, entries, added], { ...params, ...place }, rows);
        continue;
      }
      gpu.withScratch('f32', [rows, columns], (dense) => {
        fillPattern(gpu, dense, [0]);
        gpu.run(denseKernel, [dense, own, entries], params, rows);
        linear(gpu, y, x, dense, added, { stride, first: row - first });
      });
    }
  }
}

function storageOf(gpu: Gpu, { storage, rowCount, columns }: SparseMatrix): SparseStorage {
  if (storage instanceof SparseStorage && storage.gpu === gpu && !storage.freed) return storage;
  throw new BackendError({
    expected: 'a sparse matrix of this webgpu backend that has not been freed',
    got: storage instanceof SparseStorage && storage.gpu === gpu ? 'one that has' : 'one of another backend',
    where: `a sparse matrix [${rowCount},${columns}]`,
  });
}
