// The WebAssembly backend: every operation of the interface as a kernel call, split over the team where it pays.

import { BackendError, UsageError } from '../../errors.js';
import type { Bitmask } from '../../tensor/bitmask.js';
import { ColumnMatrix } from '../../tensor/column-matrix.js';
import { type ArrayOf, bytesPerElement, type DType, type NumberArray } from '../../tensor/dtype.js';
import { Int8Matrix } from '../../tensor/int8-matrix.js';
import { type Matrix, SparseMatrix, type SparseValues, type Table } from '../../tensor/sparse-matrix.js';
import { Tensor } from '../../tensor/tensor.js';
import { patternOf } from '../../tensor/weights16.js';
import {
  ACTIVATIONS,
  type Activation,
  type AttentionShape,
  type Backend,
  type BackendInfo,
  type BlockSelection,
  type InverseForm,
  type KeyTensor,
  type LayerOf,
  type RopeShape,
  type Scores,
  type Selection,
  type ValuesOfRows,
} from '../backend.js';
import * as check from '../shapes.js';
import { MAXIMUM_BYTES } from './arena.js';
import { attention } from './attention.js';
import { columnLinear } from './columns.js';
import { compileKernels } from './compile-kernels.js';
import { eliminateColumns } from './eliminate-columns.js';
import { relaxedSimdSupported, simdSupported } from './features.js';
import { int8Linear } from './int8.js';
import { invert } from './invert.js';
import type { KernelSources } from './kernel-source.js';
import { type KernelName, RANGE, WEIGHT_KINDS } from './kernels.js';
import { writeF16 } from './lift.js';
import { compressMasked } from './masked.js';
import { ArenaMemory, addressIn, storageOf, viewOf } from './memory.js';
import { rowsOfUnit } from './row-blocks.js';
import type { KernelRunner, Operand } from './runner.js';
import { compress, freeSparse, sparseLinear } from './sparse.js';
import { SoloTeam, type Team, WorkerTeam } from './team.js';
import type { CreateWorker } from './thread-worker.js';
import { cutOf } from './threshold.js';
import {
  ELEMENTS,
  EMBED_SCRATCH,
  LINEAR_SCRATCH,
  LINEAR_TOKENS,
  MULTIPLY_LEFT,
  MULTIPLY_ROWS,
  PRODUCT_COLUMNS,
  PRODUCT_SCRATCH,
  SELECT_SCRATCH,
  STATISTICS_COLUMNS,
} from './units.js';

export interface WasmOptions {
  /** Threads that compute, the calling one included; 1 starts no worker and uses no shared memory. */
  threads?: number;
  /** The plain kernels, whose results have the same bits on every machine. */
  deterministic?: boolean;
  /** Overrides the choice of the kernel build. */
  simd?: 'plain' | 'relaxed';
  /** Starts the script of one more thread; by default Node does. */
  createWorker?: CreateWorker;
  /** Size limit of one arena; 4 GiB. */
  arenaBytes?: number;
  /** Multiply-adds that a thread takes at a time; tests make it small, so that small operations are split too. */
  grainWork?: number;
}

/** How a kernel is split: units in all, and the units that one thread draws at a time. */
interface Split {
  units: number;
  grain: number;
}

/** Work that one draw should hold, in multiply-adds: some microseconds, for what is one atomic addition. */
const GRAIN_WORK = 1 << 16;

/** More would only wait for each other. */
const MOST_THREADS = 128;

/** Opens the WebAssembly backend. Errors: no SIMD in this JavaScript engine, or relaxed SIMD asked for and absent. */
export async function openWasmBackend(kernels: KernelSources, options: WasmOptions = {}): Promise<Backend> {
  const { threads = 1, deterministic = false, arenaBytes = MAXIMUM_BYTES, grainWork = GRAIN_WORK } = options;
  const simd = options.simd ?? (relaxedSimdSupported() && !deterministic ? 'relaxed' : 'plain');
  if (!simdSupported() || (simd === 'relaxed' && !relaxedSimdSupported()))
    throw new BackendError({
      expected: `WebAssembly with ${simd} SIMD`,
      got: globalThis.process?.version ? `Node ${process.version}` : 'an engine without',
      where: 'the wasm backend',
    });
  checkThreads(threads);
  const { module, shared } = await compileKernels({ simd, shared: threads > 1 }, kernels);
  const team = shared ? new WorkerTeam(threads, module, options.createWorker) : new SoloTeam();
  return new WasmBackend(
    { backend: 'wasm', simd, threads: team.threads },
    team,
    new ArenaMemory({ module, shared, maximumBytes: arenaBytes }, (arena) => team.join(arena)),
    grainWork,
  );
}

/** @throws UsageError */
export function checkThreads(threads: number): void {
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS))
    throw new UsageError(`expected threads from 1 to ${MOST_THREADS}, got ${threads}`);
}

const ARRAYS: Record<DType, new (buffer: ArrayBufferLike, offset?: number, size?: number) => NumberArray> = {
  f32: Float32Array,
  bf16: Uint16Array,
  f16: Uint16Array,
  i8: Int8Array,
  f64: Float64Array,
  i32: Int32Array,
};

const isSparse = (layer: LayerOf<Matrix>): layer is LayerOf<SparseMatrix> => layer.weight instanceof SparseMatrix;
const isInt8 = (layer: LayerOf<Matrix>): layer is LayerOf<Int8Matrix> => layer.weight instanceof Int8Matrix;

class WasmBackend implements Backend {
  /** For the operations that have files of their own. */
  readonly #runner: KernelRunner;

  constructor(
    readonly info: BackendInfo,
    readonly team: Team,
    readonly memory: ArenaMemory,
    readonly grainWork: number,
  ) {
    this.#runner = {
      threads: team.threads,
      reserve: memory.reserve,
      allocate: (dtype, shape, purpose) => this.#allocate(dtype, shape, purpose),
      free: (tensor) => this.free(tensor),
      run: (kernel, units, work, output, operands, scratch) =>
        this.#run(kernel, this.#split(units, work), Array.isArray(output) ? output : [output], operands, scratch),
    };
  }

  allocate<D extends DType>(dtype: D, shape: readonly number[]): Tensor<D> {
    return this.#allocate(dtype, shape);
  }

  free(tensor: Tensor | Int8Matrix | SparseMatrix | ColumnMatrix): void {
    if (tensor instanceof SparseMatrix) freeSparse(this.#runner, tensor);
    else if (tensor instanceof Int8Matrix) for (const part of [tensor.values, tensor.scale]) this.free(part);
    else this.memory.free(storageOf(tensor instanceof ColumnMatrix ? tensor.values : tensor));
  }

  writeF16(out: Tensor<'f16'>, stored: Uint16Array): number | null {
    check.checkWrite(out, stored);
    return writeF16(this.memory, out, stored);
  }

  write<D extends DType>(tensor: Tensor<D>, values: ArrayOf[D]): void {
    check.checkWrite(tensor, values);
    viewOf(tensor).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  async read<D extends DType>(tensor: Tensor<D>): Promise<ArrayOf[D]> {
    const view = viewOf(tensor);
    const bytes = new Uint8Array(view.length);
    bytes.set(view);
    return new ARRAYS[tensor.dtype](bytes.buffer) as ArrayOf[D];
  }

  fill(tensor: Tensor, value: number): void {
    const { buffer, byteOffset } = viewOf(tensor);
    const pattern = patternOf(tensor.dtype, value);
    new ARRAYS[tensor.dtype](buffer, byteOffset, tensor.size).fill(pattern);
  }

  linear(y: Tensor<'f32'>, x: Tensor<'f32'>, weight: Matrix, bias: Tensor<'f32'> | null): void {
    check.checkLinear(y, x, weight, bias);
    this.#multiply(x, [{ y, weight, bias }]);
  }

  linears(x: Tensor<'f32'>, layers: readonly LayerOf<Matrix>[]): void {
    check.checkLinears(x, layers);
    this.#multiply(x, layers);
  }

  compress(weight: Tensor<'f32'>, values: SparseValues, scale?: Tensor<'f32'>): SparseMatrix {
    check.checkCompress(weight, values, scale);
    return compress(this.#runner, weight, values, scale ?? null);
  }

  compressMasked<V extends SparseValues>(
    mask: Bitmask,
    values: V,
    valuesOf: ValuesOfRows<V>,
    scale?: Tensor<'f32'>,
  ): SparseMatrix {
    check.checkCompressMasked(mask, values, scale);
    return compressMasked(this.#runner, mask, values, valuesOf, scale ?? null);
  }

  embed(y: Tensor<'f32'>, ids: Tensor<'i32'>, table: Table): void {
    check.checkEmbed(y, ids, table);
    const [values, scale] = table instanceof Int8Matrix ? [table.values, table.scale] : [table, null];
    const kind = WEIGHT_KINDS.indexOf(values.dtype);
    const operands = [ids, values, scale, y, table.columns, kind];
    this.#run('embed', this.#split(ids.size, table.columns), [y], operands, kind ? EMBED_SCRATCH : 0);
  }

  rmsNorm(y: Tensor<'f32'>, x: Tensor<'f32'>, weight: Tensor<'f32'> | null, eps: number): void {
    check.checkRmsNorm(y, x, weight, eps);
    this.#run('rmsNorm', this.#split(x.rowCount, 2 * x.columns), [y], [x, weight, y, x.columns, eps]);
  }

  layerNorm(
    y: Tensor<'f32'>,
    x: Tensor<'f32'>,
    weight: Tensor<'f32'> | null,
    bias: Tensor<'f32'> | null,
    eps: number,
  ): void {
    check.checkLayerNorm(y, x, weight, bias, eps);
    this.#run('layerNorm', this.#split(x.rowCount, 3 * x.columns), [y], [x, weight, bias, y, x.columns, eps]);
  }

  rope(x: Tensor<'f32'>, cos: Tensor<'f32'>, sin: Tensor<'f32'>, shape: RopeShape): void {
    check.checkRope(x, cos, sin, shape);
    const { heads, headDim, rotaryDim, start, period } = shape;
    const args = [x, cos, sin, heads, headDim, rotaryDim / 2, start, period];
    this.#run('rope', this.#split(x.rowCount, 2 * heads * rotaryDim), [x], args);
  }

  attention(y: Tensor<'f32'>, q: Tensor<'f32'>, k: KeyTensor, v: KeyTensor, shape: AttentionShape): void {
    check.checkAttention(y, q, k, v, shape);
    attention(this.#runner, y, q, k, v, shape);
  }

  activate(y: Tensor<'f32'>, x: Tensor<'f32'>, kind: Activation): void {
    check.checkActivate(y, x, kind);
    this.#run('activate', this.#elementwise(y, 8), [y], [x, y, y.size, ACTIVATIONS.indexOf(kind)]);
  }

  gate(y: Tensor<'f32'>, gate: Tensor<'f32'>, up: Tensor<'f32'>, kind: Activation): void {
    check.checkGate(y, gate, up, kind);
    this.#run('gate', this.#elementwise(y, 8), [y], [gate, up, y, y.size, ACTIVATIONS.indexOf(kind)]);
  }

  add(y: Tensor<'f32'>, a: Tensor<'f32'>, b: Tensor<'f32'>, factor = 1): void {
    check.checkAdd(y, a, b, factor);
    this.#run('addition', this.#elementwise(y, 1), [y], [a, b, y, y.size, factor]);
  }

  scale(y: Tensor<'f32'>, x: Tensor<'f32'>, factor: number): void {
    check.checkScale(y, x, factor);
    this.#run('scaling', this.#elementwise(y, 1), [y], [x, y, y.size, factor]);
  }

  narrow(y: Tensor<'bf16'>, x: Tensor<'f32'>): void {
    check.checkNarrow(y, x);
    this.#run('narrow', this.#elementwise(x, 1), [y], [x, y, y.size]);
  }

  softcap(y: Tensor<'f32'>, x: Tensor<'f32'>, cap: number): void {
    check.checkSoftcap(y, x, cap);
    this.#run('softcap', this.#elementwise(y, 8), [y], [x, y, y.size, cap]);
  }

  addColumnSquares(sums: Tensor<'f64'>, x: Tensor<'f32'>): void {
    check.checkAddColumnSquares(sums, x);
    this.#run('columnSquares', this.#columnwise(x), [sums], [x, sums, x.columns, x.rowCount]);
  }

  addColumnSums(sums: Tensor<'f64'>, x: Tensor<'f32'>): void {
    check.checkAddColumnSums(sums, x);
    this.#run('columnSums', this.#columnwise(x), [sums], [x, sums, x.columns, x.rowCount]);
  }

  addGram(gram: Tensor<'f64'>, x: Tensor<'f32'>): void {
    check.checkAddGram(gram, x);
    const side = Math.ceil(x.columns / PRODUCT_COLUMNS);
    const split = this.#split((side * (side + 1)) / 2, PRODUCT_COLUMNS ** 2 * x.rowCount);
    this.#run('gram', split, [gram], [x, gram, x.columns, x.rowCount], PRODUCT_SCRATCH);
  }

  addCross(out: Tensor<'f64'>, a: Tensor<'f32'>, b: Tensor<'f32'>): void {
    check.checkAddCross(out, a, b);
    const blocks = Math.ceil(a.columns / PRODUCT_COLUMNS) * Math.ceil(b.columns / PRODUCT_COLUMNS);
    const split = this.#split(blocks, PRODUCT_COLUMNS ** 2 * a.rowCount);
    this.#run('cross', split, [out], [a, b, out, a.columns, b.columns, a.rowCount], PRODUCT_SCRATCH);
  }

  logProbabilities(out: Tensor<'f32'>, logits: Tensor<'f32'>, targets: Tensor<'i32'>): void {
    check.checkLogProbabilities(out, logits, targets);
    const n = logits.columns;
    this.#run('logProbabilities', this.#split(logits.rowCount, 8 * n), [out], [logits, targets, out, n]);
  }

  mask(out: Tensor<'f32'>, weight: Tensor<'f32'>, scores: Scores, selection: Selection): void {
    check.checkMask(out, weight, scores, selection);
    const { rowCount: rows, columns } = weight;
    const { of, column, row } = { ...scores, of: scores.of ?? weight };
    const operands = [weight, of, column, row, out, columns];
    const split = this.#split(rows, 16 * columns);
    if (selection.kind === 'n:m') {
      this.#run('maskGroups', split, [out], [...operands, selection.n, selection.m], 4 * columns);
    } else if (selection.kind === 'row') {
      this.#run('maskRows', split, [out], [...operands, selection.prune, null, 0], 8 * columns + SELECT_SCRATCH);
    } else if (selection.kind === 'rows') {
      const keepLower = Number(selection.ties === 'keep-lower');
      this.#run('maskRows', split, [out], [...operands, 0, selection.keep, keepLower], 8 * columns + SELECT_SCRATCH);
    } else {
      const { threshold, last } = cutOf(this.memory, of, column, row, selection);
      this.#run('maskThreshold', split, [out], [...operands, threshold, last], 4 * columns);
    }
  }

  admmScores(scores: Tensor<'f32'>, x: Tensor<'f64'>, u: Tensor<'f64'>): void {
    check.checkAdmmScores(scores, x, u);
    this.#run('admmScores', this.#elementwise(scores, 2), [scores], [scores, x, u, scores.size]);
  }

  admmStep(
    right: Tensor<'f64'>,
    u: Tensor<'f64'>,
    x: Tensor<'f64'>,
    b: Tensor<'f64'>,
    kept: Tensor<'f32'>,
    rho: number,
  ): void {
    check.checkAdmmStep(right, u, x, b, kept, rho);
    this.#run('admmStep', this.#elementwise(u, 4), [right, u], [right, u, x, b, kept, u.size, rho]);
  }

  multiply(y: Tensor<'f64'>, x: Tensor<'f64'>, matrix: Tensor<'f64'>): void {
    check.checkMultiply(y, x, matrix);
    const { rowCount: rows, columns } = matrix;
    const m = x.rowCount;
    const units = Math.ceil(rows / MULTIPLY_ROWS) * Math.ceil(m / MULTIPLY_LEFT);
    const work = 2 * MULTIPLY_ROWS * Math.min(m, MULTIPLY_LEFT) * columns;
    this.#run('multiply', this.#split(units, work), [y], [x, matrix, y, columns, rows, m]);
  }

  async invert(
    out: Tensor<'f64'>,
    matrix: Tensor<'f64'>,
    ridge: number,
    form: InverseForm,
    signal?: AbortSignal,
  ): Promise<void> {
    check.checkInvert(out, matrix, ridge, form);
    await invert(this.#runner, out, matrix, ridge, form, signal);
  }

  eliminateColumns(
    weight: Tensor<'f32'>,
    factor: Tensor<'f32'>,
    from: number,
    to: number,
    selection: BlockSelection,
  ): void {
    check.checkEliminateColumns(weight, factor, from, to, selection);
    eliminateColumns(this.#runner, weight, factor, from, to, selection);
  }

  async dispose(): Promise<void> {
    await this.team.stop();
    this.memory.drop();
  }

  #allocate<D extends DType>(dtype: D, shape: readonly number[], purpose?: string): Tensor<D> {
    check.checkAllocate(shape);
    const size = shape.reduce((a, b) => a * b, 1);
    return new Tensor(this.memory.allocate(size * bytesPerElement[dtype], purpose), dtype, [...shape]);
  }

  /**
   * Draws of about `grainWork`, but four for each thread where there are units for them; an operation no larger than one
   * stays on the caller.
   */
  #split(units: number, work: number): Split {
    const grain = Math.max(1, Math.round(this.grainWork / work));
    return { units, grain: units <= grain ? units : Math.min(grain, Math.ceil(units / (4 * this.info.threads))) };
  }

  /** Units of ELEMENTS elements of y, each of them worth `work` multiply-adds. */
  #elementwise(y: Tensor, work: number): Split {
    return this.#split(Math.ceil(y.size / ELEMENTS), work * ELEMENTS);
  }

  /** Layers of one input: those of int8, and the sparse ones, share what they make of it. */
  #multiply(x: Tensor<'f32'>, layers: readonly LayerOf<Matrix>[]): void {
    if (layers.some(isSparse)) sparseLinear(this.#runner, x, layers.filter(isSparse));
    if (layers.some(isInt8)) int8Linear(this.#runner, x, layers.filter(isInt8));
    for (const { y, weight, bias } of layers)
      if (weight instanceof ColumnMatrix) columnLinear(this.#runner, y, x, weight, bias);
      else if (weight instanceof Tensor) this.#dense(y, x, weight, bias);
  }

  #dense(y: Tensor<'f32'>, x: Tensor<'f32'>, weight: Tensor, bias: Tensor<'f32'> | null): void {
    const { rowCount: rows, columns } = weight;
    const tokens = x.rowCount;
    const height = rowsOfUnit(rows, columns * bytesPerElement[weight.dtype], 8, tokens, this.info.threads);
    const units = Math.ceil(rows / height) * Math.ceil(tokens / LINEAR_TOKENS);
    const split = this.#split(units, height * Math.min(tokens, LINEAR_TOKENS) * columns);
    const kind = WEIGHT_KINDS.indexOf(weight.dtype);
    const operands = [x, weight, bias, y, columns, rows, tokens, height, kind];
    this.#run('linear', split, [y], operands, kind ? LINEAR_SCRATCH : 0);
  }

  /** Units of STATISTICS_COLUMNS columns of x. */
  #columnwise(x: Tensor): Split {
    return this.#split(Math.ceil(x.columns / STATISTICS_COLUMNS), 2 * STATISTICS_COLUMNS * x.rowCount);
  }

  /**
   * Runs one kernel. Its arguments are the operands, then (scratch, stride) where it takes scratch memory: `scratch` bytes
   * for each thread, 0 where it needs none this time. Operands that lie in different arenas are brought together first, and `outputs` are brought back.
   */
  #run(kernel: KernelName, split: Split, outputs: Tensor[], operands: Operand[], scratch?: number): void {
    const stride = Math.ceil((scratch ?? 0) / 64) * 64;
    const gathered = this.memory.gather(operands, stride * this.team.threads);
    const n = operands.length;
    const args = new Array<number>(n + (scratch === undefined ? 0 : 2) + RANGE);
    for (let i = 0; i < n; i++) {
      const operand = operands[i];
      args[i] = operand instanceof Tensor ? addressIn(gathered, operand) : (operand ?? 0);
    }
    if (scratch !== undefined) {
      args[n] = gathered.scratch?.pointer ?? 0;
      args[n + 1] = stride;
    }
    let done = false;
    try {
      this.team.run({ kernel, arena: gathered.arena, args, units: split.units, grain: split.grain });
      done = true;
    } finally {
      this.memory.release(gathered, done ? outputs : []);
    }
  }
}
