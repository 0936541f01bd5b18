// Weights by ADMM (Boža, arXiv 2401.02938; §13 of the algorithms page): the kept weights of a layer are fitted so that its
// outputs come close to given targets, on a mask that is given or one that grows along the way. Linear algebra only: one
// Gram matrix and one inverse for each input, twenty products for each layer that reads it.

import type { Backend } from '../../backend/backend.js';
import { safePoint } from '../../progress.js';
import type { Tensor } from '../../tensor/tensor.js';

const ITERATIONS = 20;
/** Iterations during which a mask of its own still grows. */
const RAMP = 15;
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
    readonly normalised: Tensor<'f64'>,
    /** (G + (damping + ρ)I)⁻¹. */
    readonly inverse: Tensor<'f64'>,
  ) {}

  /** @param gram XᵀX [columns, columns] of the input, in any scale */
  static async of(backend: Backend, gram: Tensor<'f64'>, signal?: AbortSignal): Promise<AdmmInput> {
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
    const [normalised, inverse] = [backend.allocate('f64', [n, n]), backend.allocate('f64', [n, n])];
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
 * Which weights are kept, those that are not 0: of a matrix that stays as it is, or of one that is chosen along the way
 * from scores, with `share` of the final sparsity, in (0, 1]. Both hold `rows` of the layer.
 */
export type Kept =
  | Tensor<'f32'>
  | ((kept: Tensor<'f32'>, scores: Tensor<'f32'>, share: number, rows: { from: number; to: number }) => void);

/** A layer to fit. */
export interface AdmmTask {
  /** W[rows, columns] before pruning. */
  dense: Tensor<'f32'>;
  /** Where the new weights go; may be `dense`, and what is kept. */
  out: Tensor<'f32'>;
  /** YᵀX [rows, columns] of targets Y, in the scale of the Gram matrix; null: the layer's own outputs X·Wᵀ. */
  correlation: Tensor<'f64'> | null;
  kept: Kept;
}

/**
 * out = W fitted on a mask: kept weights so that X·outᵀ comes close to the targets, pruned ones 0. All in f64: where the
 * mask grows, which of two nearly equal weights goes is decided by differences that f32 does not hold.
 * @param rowsTogether rows that are fitted at a time, to bound memory; all of them where a mask compares all rows
 */
export async function admm(
  input: AdmmInput,
  { dense, out, correlation, kept }: AdmmTask,
  rowsTogether: number,
  signal?: AbortSignal,
): Promise<void> {
  const rows = dense.rowCount;
  for (let from = 0; from < rows; from += rowsTogether) {
    const to = Math.min(from + rowsTogether, rows);
    const part = {
      dense: dense.rows(from, to),
      out: out.rows(from, to),
      correlation: correlation?.rows(from, to) ?? null,
      kept: typeof kept === 'function' ? kept : kept.rows(from, to),
    };
    await fitRows(input, part, { from, to }, signal);
  }
}

async function fitRows(
  { backend, norms, damping, normalised, inverse }: AdmmInput,
  { dense, out, correlation, kept }: AdmmTask,
  rows: { from: number; to: number },
  signal?: AbortSignal,
): Promise<void> {
  const { columns, size, shape } = dense;
  const grows = typeof kept === 'function';
  const wide = [0, 0, 0, 0].map(() => backend.allocate('f64', shape));
  const [x, u, b, right] = wide;
  const narrow = grows ? [backend.allocate('f32', shape), backend.allocate('f32', shape)] : [];
  const [pattern, scores] = grows ? narrow : [kept];
  try {
    // V: columns scaled to unit norm of their inputs; B = YᵀX/n + damping·V is the right-hand side of every step.
    const v = new Float64Array(await backend.read(dense));
    for (let i = 0; i < size; i++) v[i] *= norms[i % columns];
    backend.write(x, v);
    backend.fill(u, 0);
    if (correlation === null) backend.multiply(b, x, normalised);
    const target = await backend.read(correlation ?? b);
    for (let i = 0; i < size; i++)
      target[i] = (correlation === null ? target[i] : target[i] / norms[i % columns]) + damping * v[i];
    backend.write(b, target);
    for (let t = 1; t <= ITERATIONS; t++) {
      if (grows && t <= RAMP) {
        backend.admmScores(scores, x, u);
        kept(pattern, scores, 1 - (1 - t / RAMP) ** 3, rows);
      }
      backend.admmStep(right, u, x, b, pattern, RHO);
      backend.multiply(x, right, inverse);
      await safePoint(signal);
    }
    const [last, dual, mask] = [await backend.read(x), await backend.read(u), await backend.read(pattern)];
    for (let i = 0; i < size; i++) mask[i] = mask[i] === 0 ? 0 : (last[i] + dual[i]) / norms[i % columns];
    backend.write(out, mask);
  } finally {
    for (const tensor of [...wide, ...narrow]) backend.free(tensor);
  }
}
