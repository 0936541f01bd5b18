// Weight update by ADMM on a fixed mask (Boža, arXiv 2401.02938; §13 of the algorithms page): the kept weights are fitted
// so that the layer's outputs on its own inputs stay what they were. Linear algebra only: one Gram matrix and one inverse
// for each input, twenty products for each layer that reads it.

import type { Backend } from '../../backend/backend.js';
import { safePoint } from '../../progress.js';
import type { Tensor } from '../../tensor/tensor.js';

const ITERATIONS = 20;
const DAMPING = 0.1;
const RHO = 1;

/** What all layers of one input share. Free it when done. */
export class AdmmInput {
  private constructor(
    readonly backend: Backend,
    /** n_c = √G_cc + 1e-8. */
    readonly norms: Float64Array,
    /** δ times the mean diagonal of the normalised Gram matrix. */
    readonly damping: number,
    /** G_ij / (n_i n_j). */
    readonly normalised: Tensor<'f32'>,
    /** (G + (damping + ρ)I)⁻¹. */
    readonly inverse: Tensor<'f32'>,
  ) {}

  /** @param gram XᵀX [columns, columns] of the input, in any scale */
  static async of(backend: Backend, gram: Tensor<'f32'>, signal?: AbortSignal): Promise<AdmmInput> {
    const n = gram.columns;
    const values = await backend.read(gram);
    const norms = new Float64Array(n);
    for (let c = 0; c < n; c++) norms[c] = Math.sqrt(values[c * n + c]) + 1e-8;
    let trace = 0;
    for (let r = 0; r < n; r++) {
      for (let c = 0; c < n; c++) values[r * n + c] /= norms[r] * norms[c];
      trace += values[r * n + r];
    }
    const damping = (DAMPING * trace) / n;
    const normalised = backend.allocate('f32', [n, n]);
    const inverse = backend.allocate('f32', [n, n]);
    try {
      backend.write(normalised, values);
      await backend.invert(inverse, normalised, damping + RHO, 'whole', signal);
      return new AdmmInput(backend, norms, damping, normalised, inverse);
    } catch (error) {
      backend.free(normalised);
      backend.free(inverse);
      throw error;
    }
  }

  free(): void {
    this.backend.free(this.normalised);
    this.backend.free(this.inverse);
  }
}

/**
 * Fits weights to a mask and writes them over `masked`.
 * @param dense W[rows, columns] before pruning
 * @param masked the same with pruned entries 0, which stay 0
 */
export async function admm(
  input: AdmmInput,
  dense: Tensor<'f32'>,
  masked: Tensor<'f32'>,
  signal?: AbortSignal,
): Promise<void> {
  const { backend, norms, damping, normalised, inverse } = input;
  const { columns, size } = dense;
  const kept = await backend.read(masked);
  const left = backend.allocate('f32', dense.shape);
  const product = backend.allocate('f32', dense.shape);
  /** values · matrix, for a symmetric matrix. */
  const times = async (values: Float32Array, matrix: Tensor<'f32'>) => {
    backend.write(left, values);
    backend.linear(product, left, matrix, null);
    return backend.read(product);
  };
  try {
    // V: columns scaled to unit norm of their inputs; B = V·G + damping·V is the right-hand side of every step.
    const v = await backend.read(dense);
    for (let i = 0; i < size; i++) v[i] *= norms[i % columns];
    const b = await times(v, normalised);
    for (let i = 0; i < size; i++) b[i] += damping * v[i];
    let x = v;
    const u = new Float32Array(size);
    const right = new Float32Array(size);
    for (let t = 0; t < ITERATIONS; t++) {
      for (let i = 0; i < size; i++) {
        const z = kept[i] === 0 ? 0 : x[i] + u[i];
        u[i] += x[i] - z;
        right[i] = b[i] + RHO * (z - u[i]);
      }
      x = await times(right, inverse);
      await safePoint(signal);
    }
    for (let i = 0; i < size; i++) kept[i] = kept[i] === 0 ? 0 : (x[i] + u[i]) / norms[i % columns];
    backend.write(masked, kept);
  } finally {
    backend.free(left);
    backend.free(product);
  }
}
