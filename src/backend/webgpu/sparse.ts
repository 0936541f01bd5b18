// Sparse matrices: the entries of a row one after another, each with its column; bf16 with its column in one word where the
// columns allow it, otherwise two words an entry. How many there are, only the GPU knows: entries are written to memory
// for all of them, and moved to as much as they need once their number has come back, while the matrix is in use already.
// A few tokens meet the entries row by row; for many, a part of the matrix is made dense again and multiplied in tiles.

import { BackendError } from '../../errors.js';
import { SparseMatrix, type SparseValues } from '../../tensor/sparse-matrix.js';
import type { Storage, Tensor } from '../../tensor/tensor.js';
import { fillPattern } from './fill.js';
import { type Gpu, rowsOf } from './gpu.js';
import type { Kernel } from './kernel.js';
import { linear } from './linear.js';
import { sumBefore } from './selection.js';
import { prefix } from './wgsl/reductions.js';

/** Up to so many tokens are multiplied entry by entry. */
const FEW_TOKENS = 4;
const LANES = 64;
/** Elements of the part that is made dense at a time. */
const DENSE = 16 * 2 ** 20;
/** Columns whose numbers leave room for a bf16. */
const SHORT = 65536;

class SparseStorage implements Storage {
  freed = false;

  constructor(
    readonly gpu: Gpu,
    /** Where the entries of each row begin, and where the last ones end. */
    readonly starts: Tensor<'i32'>,
    public entries: Tensor<'i32'>,
    /** Whether an entry is one word. */
    readonly short: boolean,
  ) {}

  get bytes(): number {
    return this.starts.storage.bytes + this.entries.storage.bytes;
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
  params: ['columns', 'rows', 'biased', 'short'],
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
    set_y(lane * p.rows + group, sum);
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

/** The weights of a matrix that are not 0. */
export function compress(gpu: Gpu, weight: Tensor<'f32'>, values: SparseValues): SparseMatrix {
  const { rowCount: rows, columns } = weight;
  const short = values === 'bf16' && columns <= SHORT;
  const purpose = `a sparse matrix of ${rows}×${columns}`;
  const starts = gpu.memory.allocate('i32', [rows + 1], purpose);
  let entries: Tensor<'i32'>;
  try {
    entries = gpu.memory.allocate('i32', [Math.max(1, rows * columns * (short ? 1 : 2))], purpose);
  } catch (error) {
    gpu.memory.free(starts);
    throw error;
  }
  fillPattern(gpu, starts.rows(rows, rows + 1), [0]);
  for (const [from, to] of gpu.pieces(rows, [weight]))
    gpu.run(countKernel, [starts.rows(from, to), rowsOf(weight, rows, from, to)], { columns }, to - from);
  sumBefore(gpu, starts);
  const params = { columns, short: Number(short), half: Number(values === 'bf16') };
  for (const [from, to] of gpu.pieces(rows, [weight]))
    gpu.run(fillKernel, [entries, starts.rows(from, to), rowsOf(weight, rows, from, to)], params, to - from);
  const storage = new SparseStorage(gpu, starts, entries, short);
  void shrink(storage);
  return new SparseMatrix(storage, values, rows, columns);
}

/** Moves the entries to memory of their size, once their number is known. What fails here fails at the next read too. */
async function shrink(storage: SparseStorage): Promise<void> {
  const { gpu, starts, short } = storage;
  try {
    const last = starts.size - 1;
    const bytes = await gpu.recorder.read(gpu.memory.of(starts), 4 * (starts.offset + last), 4);
    if (storage.freed) return;
    const words = new Uint32Array(bytes.buffer)[0] * (short ? 1 : 2);
    const large = storage.entries;
    const entries = gpu.memory.allocate('i32', [Math.max(1, words)], 'the entries of a sparse matrix');
    if (words > 0) gpu.recorder.copy(gpu.memory.of(large), 0, gpu.memory.of(entries), 0, 4 * words);
    storage.entries = entries;
    gpu.memory.free(large);
  } catch {
    // The device has been lost or disposed of; or there is no room beside the large one, which then stays in use.
  }
}

/** Frees a matrix and every view of it. */
export function freeSparse(gpu: Gpu, matrix: SparseMatrix): void {
  const storage = storageOf(gpu, matrix);
  storage.freed = true;
  gpu.memory.free(storage.starts);
  gpu.memory.free(storage.entries);
}

/** y[T, rows] = x[T, columns] · matrixᵀ (+ bias[rows]). */
export function sparseLinear(
  gpu: Gpu,
  y: Tensor<'f32'>,
  x: Tensor<'f32'>,
  matrix: SparseMatrix,
  bias: Tensor<'f32'> | null,
): void {
  const { starts, entries, short } = storageOf(gpu, matrix);
  const { first, rowCount: rows, columns } = matrix;
  const tokens = x.rowCount;
  if (rows === 0) return;
  const own = starts.rows(first, first + rows + 1);
  const params = { columns, rows, short: Number(short) };
  if (tokens <= FEW_TOKENS) {
    const operands = [y, x, own, entries, bias];
    gpu.run(vectors[tokens - 1], operands, { ...params, biased: Number(bias !== null) }, rows);
    return;
  }
  const step = Math.max(1, Math.floor(Math.min(DENSE, gpu.device.bindingBytes / 4) / columns));
  for (let from = 0; from < rows; from += step) {
    const to = Math.min(from + step, rows);
    gpu.withScratch('f32', [to - from, columns], (dense) => {
      fillPattern(gpu, dense, [0]);
      gpu.run(denseKernel, [dense, own.rows(from, to + 1), entries], params, to - from);
      linear(gpu, y, x, dense, bias?.rows(from, to) ?? null, { stride: rows, first: from });
    });
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
