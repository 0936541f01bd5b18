// The WebGPU backend: every operation of the interface as compute shaders. It runs in Node and in browsers alike: the
// GPU object comes from whoever opens it (src/backend/open-gpu.ts in Node). f64 tensors hold f64 (wgsl/float64.ts). Sums are
// made in a fixed order and nothing waits on another workgroup: the same device and driver give the same bits.

import type { Bitmask } from '../../tensor/bitmask.js';
import { ColumnMatrix } from '../../tensor/column-matrix.js';
import { type ArrayOf, bytesPerElement, type DType, type NumberArray } from '../../tensor/dtype.js';
import { Int8Matrix } from '../../tensor/int8-matrix.js';
import { type Matrix, SparseMatrix, type SparseValues, type Table } from '../../tensor/sparse-matrix.js';
import type { Tensor } from '../../tensor/tensor.js';
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
import { attention } from './attention.js';
import { columnLinear } from './columns.js';
import { requestDevice } from './device.js';
import { narrow, runElementwise } from './elementwise.js';
import { eliminateColumns } from './eliminate.js';
import { fillPattern, setShort } from './fill.js';
import { Gpu } from './gpu.js';
import { int8Linear } from './int8.js';
import { embed, layerNorm, rmsNorm, rope } from './layers.js';
import { linear } from './linear.js';
import { mask } from './mask.js';
import { compressMasked } from './masked.js';
import { addColumns, addCross, logProbabilities } from './measures.js';
import { Memory } from './memory.js';
import { multiply } from './multiply.js';
import { Recorder } from './recorder.js';
import { compress, freeSparse, sparseLinear } from './sparse.js';

export interface WebGpuOptions {
  gpu: GPU;
  /** What is said where there is no adapter: what may be missing. */
  noAdapter: string;
  /** Opens a backend on the CPU for what a GPU does badly, the inverses of f64; called when the first one is asked for. */
  openSolver: () => Promise<Backend>;
  /** Threads of that backend. */
  threads: number;
  /** Most bytes of an operand that a kernel sees at once, where it is less than the device's; tests make it small. */
  bindingBytes?: number;
}

const ARRAYS: Record<DType, new (buffer: ArrayBufferLike, offset?: number, size?: number) => NumberArray> = {
  f32: Float32Array,
  bf16: Uint16Array,
  f16: Uint16Array,
  i8: Int8Array,
  f64: Float64Array,
  i32: Int32Array,
};

/** Opens the WebGPU backend. Errors: no adapter, or a device that is too small. */
export async function createWebGpuBackend(options: WebGpuOptions): Promise<Backend> {
  const { gpu, noAdapter, bindingBytes, openSolver, threads } = options;
  const device = await requestDevice(gpu, noAdapter, bindingBytes);
  const memory = new Memory(device);
  const info: BackendInfo = { backend: 'webgpu', simd: 'plain', threads, adapter: device.adapter };
  return new WebGpuBackend(info, new Gpu(device, memory, new Recorder(device, memory)), openSolver);
}

class WebGpuBackend implements Backend {
  #solver: Promise<Backend> | undefined;

  constructor(
    readonly info: BackendInfo,
    readonly gpu: Gpu,
    readonly openSolver: () => Promise<Backend>,
  ) {}

  allocate<D extends DType>(dtype: D, shape: readonly number[]): Tensor<D> {
    return this.gpu.memory.allocate(dtype, shape);
  }

  free(tensor: Tensor | Int8Matrix | SparseMatrix | ColumnMatrix): void {
    if (tensor instanceof SparseMatrix) freeSparse(this.gpu, tensor);
    else if (tensor instanceof Int8Matrix) for (const part of [tensor.values, tensor.scale]) this.free(part);
    else this.gpu.memory.free(tensor instanceof ColumnMatrix ? tensor.values : tensor);
  }

  write<D extends DType>(tensor: Tensor<D>, values: ArrayOf[D]): void {
    check.checkWrite(tensor, values);
    if (tensor.size === 0) return;
    const held = this.gpu.memory.of(tensor);
    const offset = tensor.offset * bytesPerElement[tensor.dtype];
    if (offset % 4 === 0 && values.byteLength % 4 === 0) {
      this.gpu.recorder.write(held, offset, values);
      return;
    }
    const words = new Uint8Array(4 * Math.ceil(values.byteLength / 4));
    words.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    this.gpu.withScratch(tensor.dtype, [values.length], (staged) => {
      this.gpu.recorder.write(this.gpu.memory.of(staged), 0, words);
      setShort(this.gpu, tensor, staged);
    });
  }

  async read<D extends DType>(tensor: Tensor<D>): Promise<ArrayOf[D]> {
    const held = this.gpu.memory.of(tensor);
    const bytes = bytesPerElement[tensor.dtype];
    if (tensor.size === 0) return new ARRAYS[tensor.dtype](new ArrayBuffer(0)) as ArrayOf[D];
    const begin = tensor.offset * bytes;
    const from = begin - (begin % 4);
    const size = Math.ceil((begin + tensor.size * bytes - from) / 4) * 4;
    const { buffer } = await this.gpu.recorder.read(held, from, size);
    return new ARRAYS[tensor.dtype](
      begin === from && size === tensor.size * bytes
        ? buffer
        : buffer.slice(begin - from, begin - from + tensor.size * bytes),
    ) as ArrayOf[D];
  }

  fill(tensor: Tensor, value: number): void {
    if (tensor.size === 0) return;
    const pattern = patternOf(tensor.dtype, value);
    if (tensor.dtype === 'bf16' || tensor.dtype === 'f16') setShort(this.gpu, tensor, pattern);
    else if (tensor.dtype === 'i8') setShort(this.gpu, tensor, pattern & 0xff);
    else {
      const { buffer } = new ARRAYS[tensor.dtype](new ArrayBuffer(bytesPerElement[tensor.dtype])).fill(pattern);
      fillPattern(this.gpu, tensor, [...new Uint32Array(buffer)]);
    }
  }

  linear(y: Tensor<'f32'>, x: Tensor<'f32'>, weight: Matrix, bias: Tensor<'f32'> | null): void {
    check.checkLinear(y, x, weight, bias);
    this.#linear(x, { y, weight, bias });
  }

  linears(x: Tensor<'f32'>, layers: readonly LayerOf<Matrix>[]): void {
    check.checkLinears(x, layers);
    for (const layer of layers) this.#linear(x, layer);
  }

  #linear(x: Tensor<'f32'>, { y, weight, bias }: LayerOf<Matrix>): void {
    if (weight instanceof SparseMatrix) sparseLinear(this.gpu, y, x, weight, bias);
    else if (weight instanceof Int8Matrix) int8Linear(this.gpu, y, x, weight, bias);
    else if (weight instanceof ColumnMatrix) columnLinear(this.gpu, y, x, weight, bias);
    else linear(this.gpu, y, x, weight, bias);
  }

  compress(weight: Tensor<'f32'>, values: SparseValues, scale?: Tensor<'f32'>): SparseMatrix {
    check.checkCompress(weight, values, scale);
    return compress(this.gpu, weight, values, scale ?? null);
  }

  compressMasked<V extends SparseValues>(
    mask: Bitmask,
    values: V,
    valuesOf: ValuesOfRows<V>,
    scale?: Tensor<'f32'>,
  ): SparseMatrix {
    check.checkCompressMasked(mask, values, scale);
    return compressMasked(this.gpu, mask, values, valuesOf, scale ?? null);
  }

  embed(y: Tensor<'f32'>, ids: Tensor<'i32'>, table: Table): void {
    check.checkEmbed(y, ids, table);
    embed(this.gpu, y, ids, table);
  }

  rmsNorm(y: Tensor<'f32'>, x: Tensor<'f32'>, weight: Tensor<'f32'> | null, eps: number): void {
    check.checkRmsNorm(y, x, weight, eps);
    rmsNorm(this.gpu, y, x, weight, eps);
  }

  layerNorm(
    y: Tensor<'f32'>,
    x: Tensor<'f32'>,
    weight: Tensor<'f32'> | null,
    bias: Tensor<'f32'> | null,
    eps: number,
  ): void {
    check.checkLayerNorm(y, x, weight, bias, eps);
    layerNorm(this.gpu, y, x, weight, bias, eps);
  }

  rope(x: Tensor<'f32'>, cos: Tensor<'f32'>, sin: Tensor<'f32'>, shape: RopeShape): void {
    check.checkRope(x, cos, sin, shape);
    rope(this.gpu, x, cos, sin, shape);
  }

  attention(y: Tensor<'f32'>, q: Tensor<'f32'>, k: KeyTensor, v: KeyTensor, shape: AttentionShape): void {
    check.checkAttention(y, q, k, v, shape);
    attention(this.gpu, y, q, k, v, shape);
  }

  activate(y: Tensor<'f32'>, x: Tensor<'f32'>, kind: Activation): void {
    check.checkActivate(y, x, kind);
    runElementwise(this.gpu, 'activate', [y, x], { kind: ACTIVATIONS.indexOf(kind) });
  }

  gate(y: Tensor<'f32'>, gate: Tensor<'f32'>, up: Tensor<'f32'>, kind: Activation): void {
    check.checkGate(y, gate, up, kind);
    runElementwise(this.gpu, 'gate', [y, gate, up], { kind: ACTIVATIONS.indexOf(kind) });
  }

  add(y: Tensor<'f32'>, a: Tensor<'f32'>, b: Tensor<'f32'>, factor = 1): void {
    check.checkAdd(y, a, b, factor);
    runElementwise(this.gpu, 'add', [y, a, b], { f_factor: factor });
  }

  scale(y: Tensor<'f32'>, x: Tensor<'f32'>, factor: number): void {
    check.checkScale(y, x, factor);
    runElementwise(this.gpu, 'scale', [y, x], { f_factor: factor });
  }

  narrow(y: Tensor<'bf16'>, x: Tensor<'f32'>): void {
    check.checkNarrow(y, x);
    narrow(this.gpu, y, x);
  }

  softcap(y: Tensor<'f32'>, x: Tensor<'f32'>, cap: number): void {
    check.checkSoftcap(y, x, cap);
    runElementwise(this.gpu, 'softcap', [y, x], { f_cap: cap });
  }

  addColumnSquares(sums: Tensor<'f64'>, x: Tensor<'f32'>): void {
    check.checkAddColumnSquares(sums, x);
    addColumns(this.gpu, 'squares', sums, x);
  }

  addColumnSums(sums: Tensor<'f64'>, x: Tensor<'f32'>): void {
    check.checkAddColumnSums(sums, x);
    addColumns(this.gpu, 'sums', sums, x);
  }

  addGram(gram: Tensor<'f64'>, x: Tensor<'f32'>): void {
    check.checkAddGram(gram, x);
    addCross(this.gpu, gram, x, x);
  }

  addCross(out: Tensor<'f64'>, a: Tensor<'f32'>, b: Tensor<'f32'>): void {
    check.checkAddCross(out, a, b);
    addCross(this.gpu, out, a, b);
  }

  logProbabilities(out: Tensor<'f32'>, logits: Tensor<'f32'>, targets: Tensor<'i32'>): void {
    check.checkLogProbabilities(out, logits, targets);
    logProbabilities(this.gpu, out, logits, targets);
  }

  mask(out: Tensor<'f32'>, weight: Tensor<'f32'>, scores: Scores, selection: Selection): void {
    check.checkMask(out, weight, scores, selection);
    mask(this.gpu, out, weight, scores, selection);
  }

  admmScores(scores: Tensor<'f32'>, x: Tensor<'f64'>, u: Tensor<'f64'>): void {
    check.checkAdmmScores(scores, x, u);
    runElementwise(this.gpu, 'admmScores', [scores, x, u], {});
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
    const [rho_low, rho_high] = new Uint32Array(Float64Array.of(rho).buffer);
    runElementwise(this.gpu, 'admmStep', [right, u, x, b, kept], { rho_low, rho_high });
  }

  multiply(y: Tensor<'f64'>, x: Tensor<'f64'>, matrix: Tensor<'f64'>): void {
    check.checkMultiply(y, x, matrix);
    multiply(this.gpu, y, x, matrix);
  }

  /** On the CPU: a factorisation is a chain of small steps in f64. */
  async invert(
    out: Tensor<'f64'>,
    matrix: Tensor<'f64'>,
    ridge: number,
    form: InverseForm,
    signal?: AbortSignal,
  ): Promise<void> {
    check.checkInvert(out, matrix, ridge, form);
    signal?.throwIfAborted();
    const values = await this.read(matrix);
    this.#solver ??= this.openSolver().catch((error) => {
      this.#solver = undefined;
      throw error;
    });
    const solver = await this.#solver;
    const n = matrix.columns;
    const held = solver.allocate('f64', [n, n]);
    try {
      solver.write(held, values);
      await solver.invert(held, held, ridge, form, signal);
      this.write(out, await solver.read(held));
    } finally {
      solver.free(held);
    }
  }

  eliminateColumns(
    weight: Tensor<'f32'>,
    factor: Tensor<'f32'>,
    from: number,
    to: number,
    selection: BlockSelection,
  ): void {
    check.checkEliminateColumns(weight, factor, from, to, selection);
    eliminateColumns(this.gpu, weight, factor, from, to, selection);
  }

  async dispose(): Promise<void> {
    this.gpu.device.destroy();
    const solver = await this.#solver?.catch(() => undefined);
    await solver?.dispose();
  }
}
