// From a target to a selection: how many weights a row or a layer loses, truncated as the published code truncates.

import type { Backend, Scores, Selection } from '../backend/backend.js';
import type { LinearLayer } from '../models/graph.js';
import type { Target } from './allocation.js';

/** Where the smallest scores are looked for: in every row, in the whole layer, or in groups of m inputs (n of them go). */
export type MaskPolicy = { kind: 'row' } | { kind: 'layer' } | { kind: 'n:m'; n: number; m: number };

/** Weights of a row of `columns` that remain where each row has a sparsity of its own. */
export function keptOfRow(columns: number, sparsity: number): number {
  return Math.trunc((1 - sparsity) * columns);
}

/** out = W masked: its smallest |W|·scale removed until `target` is met under `policy`. */
export function applyMask(
  backend: Backend,
  out: Parameters<Backend['mask']>[0],
  weight: Parameters<Backend['mask']>[1],
  columnScale: Scores['column'],
  { rows, columns }: Pick<LinearLayer, 'rows' | 'columns'>,
  target: Target,
  policy: MaskPolicy,
): void {
  const mask = (selection: Selection) =>
    backend.mask(out, weight, { of: null, column: columnScale, row: null }, selection);
  if (policy.kind === 'n:m') mask(policy);
  else if (typeof target !== 'number') {
    const keep = backend.allocate('i32', [rows]);
    backend.write(
      keep,
      Int32Array.from(target, (s) => keptOfRow(columns, s)),
    );
    mask({ kind: 'rows', keep, ties: 'keep-lower' });
    backend.free(keep);
  } else if (policy.kind === 'layer') mask({ kind: 'layer', rank: Math.floor(rows * columns * target) });
  else mask({ kind: 'row', prune: Math.floor(columns * target) });
}
