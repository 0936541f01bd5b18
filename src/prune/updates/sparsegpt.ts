// SparseGPT (Frantar & Alistarh, arXiv 2301.00774; §9 of the algorithms page): weights are removed a block of columns at a
// time, and what a removed weight did is made up for by the columns to its right. Mask and new weights come together.

import type { Backend, BlockSelection } from '../../backend/backend.js';
import { BackendError } from '../../errors.js';
import { safePoint } from '../../progress.js';
import type { Tensor } from '../../tensor/tensor.js';
import { meanTarget, type Target } from '../allocation.js';
import type { MaskPolicy } from '../masks.js';

const DAMPING = 0.01;
/** Columns of a block. */
const BLOCK = 128;

/** What all layers of one input share. Free it when done. */
export class SparseGptInput {
  private constructor(
    readonly backend: Backend,
    /** U [n, n], upper triangular, UᵀU = H⁻¹. */
    readonly factor: Tensor<'f32'>,
    /** Columns whose input is always 0. */
    readonly dead: readonly number[],
  ) {}

  /**
   * @param gram XᵀX [n, n] of the input over N = `sequences` sequences; H = (2/N)·XᵀX
   * @throws BackendError where it is not finite
   */
  static async of(
    backend: Backend,
    gram: Tensor<'f64'>,
    sequences: number,
    signal?: AbortSignal,
  ): Promise<SparseGptInput> {
    const n = gram.columns;
    const h = await backend.read(gram);
    for (let i = 0; i < h.length; i++) h[i] *= 2 / sequences;
    const dead: number[] = [];
    let trace = 0;
    for (let c = 0; c < n; c++) {
      const at = c * n + c;
      if (!Number.isFinite(h[at]))
        throw new BackendError({ expected: 'a finite Gram matrix', got: String(h[at]), where: `column ${c}` });
      if (h[at] === 0) {
        h[at] = 1;
        dead.push(c);
      }
      trace += h[at];
    }
    const matrix = backend.allocate('f64', [n, n]);
    try {
      backend.write(matrix, h);
      await backend.invert(matrix, matrix, (DAMPING * trace) / n, 'factor', signal);
      const factor = backend.allocate('f32', [n, n]);
      backend.write(factor, new Float32Array(await backend.read(matrix)));
      return new SparseGptInput(backend, factor, dead);
    } finally {
      backend.free(matrix);
    }
  }

  free(): void {
    this.backend.free(this.factor);
  }
}

/**
 * out = W pruned and updated. Published masks of a share remove, in each block of columns, everything up to its
 * ⌊size·share⌋-th smallest score; exact ones remove round(weights·share), block after block by the running total.
 * @param dense W[rows, n]
 * @throws the signal's reason where it was aborted, `out` then being half done
 */
export async function sparsegpt(
  { backend, factor, dead }: SparseGptInput,
  out: Tensor<'f32'>,
  dense: Tensor<'f32'>,
  target: Target,
  policy: MaskPolicy,
  signal?: AbortSignal,
): Promise<void> {
  const { rowCount: rows, columns } = dense;
  const share = meanTarget(target);
  const weight = await backend.read(dense);
  for (let row = 0; row < weight.length; row += columns) for (const c of dead) weight[row + c] = 0;
  backend.write(out, weight);
  const width = policy.kind === 'n:m' ? BLOCK - (BLOCK % policy.m) : BLOCK;
  const selection = (from: number, to: number): BlockSelection => {
    if (policy.kind === 'n:m') return { kind: 'n:m', n: Math.round(share * policy.m), m: policy.m };
    if (policy.rounding === 'published') return { kind: 'layer', rank: Math.trunc(rows * (to - from) * share) };
    return { kind: 'count', prune: Math.round(rows * to * share) - Math.round(rows * from * share) };
  };
  for (let from = 0; from < columns; from += width) {
    const to = Math.min(from + width, columns);
    backend.eliminateColumns(out, factor, from, to, selection(from, to));
    await safePoint(signal);
  }
}
