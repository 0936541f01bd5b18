// SparseGPT (Frantar & Alistarh, arXiv 2301.00774; §9 of the algorithms page): weights are removed a block of columns at a
// time, and what a removed weight did is made up for by the columns to its right. Mask and new weights come together.

import type { Backend, BlockSelection } from '../../backend/backend.js';
import { BackendError } from '../../errors.js';
import { safePoint } from '../../progress.js';
import type { Tensor } from '../../tensor/tensor.js';

const DAMPING = 0.01;
/** Columns of a block. */
const BLOCK = 128;

/** What a layer loses: a share of its weights in [0, 1), or n of every m consecutive inputs of a row. */
export type SparseGptTarget = { kind: 'share'; sparsity: number } | { kind: 'n:m'; n: number; m: number };

/**
 * Prunes weight[rows, n] in place; dead inputs (H_cc = 0) lose their columns.
 * @param gram H = (2/N)·XᵀX [n, n] of the layer's inputs; it stays as it is. A factor on it changes only the 1 that stands
 *   in for H_cc of dead inputs, and with it the damping
 * @param exact of a share, remove exactly round(rows·n·sparsity) entries, block after block by the running total; else as
 *   published, in each block everything up to its ⌊size·sparsity⌋-th smallest score
 * @throws BackendError where H is not finite; the signal's reason where it was aborted, the weights then being half pruned
 */
export async function sparsegpt(
  backend: Backend,
  weight: Tensor<'f32'>,
  gram: Tensor<'f32'>,
  target: SparseGptTarget,
  { exact }: { exact: boolean },
  signal?: AbortSignal,
): Promise<void> {
  const { rowCount: rows, columns } = weight;
  const factor = backend.allocate('f32', [columns, columns]);
  try {
    const h = await backend.read(gram);
    const { dead, mean } = revive(h, columns);
    backend.write(factor, h);
    await backend.invert(factor, factor, DAMPING * mean, 'factor', signal);
    if (dead.length > 0) await clearColumns(backend, weight, dead);
    const width = target.kind === 'n:m' ? BLOCK - (BLOCK % target.m) : BLOCK;
    for (let from = 0; from < columns; from += width) {
      const to = Math.min(from + width, columns);
      backend.eliminateColumns(weight, factor, from, to, selectionOf(target, exact, rows, from, to));
      await safePoint(signal);
    }
  } finally {
    backend.free(factor);
  }
}

function selectionOf(target: SparseGptTarget, exact: boolean, rows: number, from: number, to: number): BlockSelection {
  if (target.kind === 'n:m') return target;
  const { sparsity } = target;
  if (!exact) return { kind: 'layer', rank: Math.trunc(rows * (to - from) * sparsity) };
  return { kind: 'count', prune: Math.round(rows * to * sparsity) - Math.round(rows * from * sparsity) };
}

/** Puts 1 on the diagonal of h[n, n] where it is 0; which columns these are, and the mean of the diagonal then. */
function revive(h: Float32Array, n: number): { dead: number[]; mean: number } {
  const dead: number[] = [];
  let sum = 0;
  for (let c = 0; c < n; c++) {
    const at = c * n + c;
    if (!Number.isFinite(h[at]))
      throw new BackendError({ expected: 'a finite Gram matrix', got: String(h[at]), where: `column ${c}` });
    if (h[at] === 0) {
      h[at] = 1;
      dead.push(c);
    }
    sum += h[at];
  }
  return { dead, mean: sum / n };
}

async function clearColumns(backend: Backend, weight: Tensor<'f32'>, columns: number[]): Promise<void> {
  const values = await backend.read(weight);
  for (let row = 0; row < values.length; row += weight.columns) for (const c of columns) values[row + c] = 0;
  backend.write(weight, values);
}
