// Attention as the families vary it: fused or separate projections, norms of queries and keys, rotary positions, grouped
// heads, sliding windows, soft caps. A family describes its own; the forward pass is the same for all.

import type { AttentionShape, KeyTensor } from '../backend/backend.js';
import type { Tensor } from '../tensor/tensor.js';
import type { BlockCache, Linear, Pass, TensorSpec, Weights } from './graph.js';
import { type Projection, projectAll } from './linear.js';
import { type Norm, normalise, normTensors } from './norms.js';
import { tensorOf } from './weights.js';

export interface Attention {
  heads: number;
  /** Heads of keys and values; each serves heads / kvHeads heads of queries. */
  kvHeads: number;
  headDim: number;
  /** Layers that make queries, keys and values, in the order in which they are pruned. */
  inputs: readonly Linear[];
  query: Projection;
  key: Projection;
  value: Projection;
  output: Linear;
  /** Norms of queries and keys before they turn: over each head, or over all heads together. */
  queryNorm?: Norm;
  keyNorm?: Norm;
  /** Name of the position tables of a block; null where its queries and keys do not turn. */
  rope?: (block: number) => string | null;
  /** Factor on query·key. */
  scale: (block: number) => number;
  /** A query sees this many keys, itself included; null: all before it. */
  window?: (block: number) => number | null;
  /** Scores s become cap·tanh(s / cap). */
  softcap?: number | null;
}

/** The tensors of its norms; those of the linear layers are named by the layers. */
export function attentionTensors({ queryNorm, keyNorm }: Attention): [string, TensorSpec][] {
  return [queryNorm, keyNorm].flatMap((norm) => (norm ? normTensors(norm) : []));
}

/**
 * mixed[T, heads·headDim] = attention of x[T, columns of the inputs], before the output projection. New keys and values
 * go to the cache where there is one.
 */
export function attend(
  pass: Pass,
  block: number,
  attention: Attention,
  weights: Weights,
  x: Tensor<'f32'>,
  cache?: BlockCache,
): Tensor<'f32'> {
  const { backend, workspace, tables, sequences, queries, start, spans } = pass;
  const { heads, kvHeads, headDim, query, key, value, queryNorm, keyNorm, softcap = null } = attention;
  const take = (name: string, width: number) => workspace.take(name, 'f32', [x.rowCount, width]);
  const q = take('q', query.rows);
  // A cache of f32 gets them made in place; one of fewer bits when they have turned.
  const fresh = (name: string, width: number, all: KeyTensor | undefined) =>
    all?.dtype === 'f32' ? (all as Tensor<'f32'>).rows(start, start + queries) : take(name, width);
  const k = fresh('k', key.rows, cache?.keys);
  const v = fresh('v', value.rows, cache?.values);
  projectAll(pass, weights, [query, key, value], x, [q, k, v]);
  if (queryNorm) normalise(pass, weights, queryNorm, q, q);
  if (keyNorm) normalise(pass, weights, keyNorm, k, k);
  const rope = attention.rope?.(block) ?? null;
  const turn = (queryRows: Tensor<'f32'>, keyRows: Tensor<'f32'>, from: number, period: number) => {
    if (rope === null) return;
    const [cos, sin] = [tensorOf(tables, `${rope}.cos`), tensorOf(tables, `${rope}.sin`)];
    const rotaryDim = 2 * cos.columns;
    backend.rope(queryRows, cos, sin, { heads, headDim, rotaryDim, start: from, period });
    backend.rope(keyRows, cos, sin, { heads: kvHeads, headDim, rotaryDim, start: from, period });
  };
  const mixed = take('mixed', heads * headDim);
  const scale = attention.scale(block);
  const window = attention.window?.(block) ?? null;
  // Written out: between kernels, which empty the caches, to spread an object takes as long as three operations.
  const shapeOf = (sequences: number, queries: number, keys: number): AttentionShape => ({
    heads,
    kvHeads,
    headDim,
    sequences,
    queries,
    keys,
    scale,
    window,
    softcap,
  });
  if (spans) {
    for (const { from, to, start, base } of spans) {
      const [rows, end] = [to - from, base + start];
      turn(q.rows(from, to), k.rows(from, to), start, rows);
      // Keys and values go behind those that they continue, over a longer span that is done.
      if (from !== end)
        for (const tensor of [k, v]) backend.scale(tensor.rows(end, end + rows), tensor.rows(from, to), 1);
      const [keys, values] = [k.rows(base, end + rows), v.rows(base, end + rows)];
      backend.attention(mixed.rows(from, to), q.rows(from, to), keys, values, shapeOf(1, rows, start + rows));
    }
    return mixed;
  }
  turn(q, k, start, queries);
  const keys = cache ? start + queries : queries;
  const held = (all: KeyTensor, made: Tensor<'f32'>) => {
    if (all.dtype === 'bf16') backend.narrow(all.rows(start, keys) as Tensor<'bf16'>, made);
    return all.rows(0, keys);
  };
  const [allK, allV] = cache ? [held(cache.keys, k), held(cache.values, v)] : [k, v];
  backend.attention(mixed, q, allK, allV, shapeOf(sequences, queries, keys));
  return mixed;
}
