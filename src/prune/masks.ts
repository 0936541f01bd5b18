// From a target to a selection: how many weights a row, a layer or a group loses. Published counts are truncated as the
// published codes truncate, and on narrow layers they miss the target; exact ones meet it for every layer (§5).

import type { Backend, Selection } from '../backend/backend.js';
import { meanTarget, type Target } from './allocation.js';
import { exactCounts } from './row-counts.js';

/** How a share of the weights becomes a count. */
export type Rounding = 'published' | 'exact';

/** Where the smallest scores are looked for: in every row, in the whole layer, or in groups of m inputs. */
export type MaskPolicy = { rounding: Rounding } & ({ kind: 'row' } | { kind: 'layer' } | { kind: 'n:m'; m: number });

/** Weights of a row of `columns` that remain where each row has a sparsity of its own. */
export function keptOfRow(columns: number, sparsity: number): number {
  return Math.trunc((1 - sparsity) * columns);
}

/**
 * Calls `mask` with what meets `target` in a layer of that shape, which is valid during the call.
 * @param range rows of the layer that are masked; all of them where weights of a whole layer compete
 */
export function select(
  backend: Backend,
  { rows, columns }: { rows: number; columns: number },
  target: Target,
  policy: MaskPolicy,
  mask: (selection: Selection) => void,
  range: { from: number; to: number } = { from: 0, to: rows },
): void {
  const exact = policy.rounding === 'exact';
  if (policy.kind === 'n:m') {
    mask({ kind: 'n:m', n: Math.round(meanTarget(target) * policy.m), m: policy.m });
  } else if (policy.kind === 'layer') {
    const share = rows * columns * meanTarget(target);
    mask(exact ? { kind: 'count', prune: Math.round(share) } : { kind: 'layer', rank: Math.floor(share) });
  } else if (typeof target === 'number' && !exact) {
    mask({ kind: 'row', prune: Math.floor(columns * target) });
  } else {
    const kept = exact
      ? exactCounts(columns, target, rows).map((pruned) => columns - pruned)
      : Int32Array.from(target as Float64Array, (s) => keptOfRow(columns, s));
    const keep = backend.allocate('i32', [range.to - range.from]);
    backend.write(keep, kept.slice(range.from, range.to));
    mask({ kind: 'rows', keep, ties: typeof target === 'number' ? 'prune-lower' : 'keep-lower' });
    backend.free(keep);
  }
}

/** The same share of every target, for masks that grow. */
export function scaled(target: Target, share: number): Target {
  return typeof target === 'number' ? target * share : target.map((s) => s * share);
}
