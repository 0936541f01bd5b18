// Attention of the wasm backend: tiles of queries, and single queries, of which threads share the keys step by step
// (assembly/attention.ts, attentionQuery.ts).

import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { AttentionShape, KeyTensor } from '../backend.js';
import { WEIGHT_KINDS } from './kernels.js';
import type { KernelRunner } from './runner.js';
import {
  ATTENTION_FEW,
  ATTENTION_KEYS,
  ATTENTION_QUERIES,
  ATTENTION_ROWS,
  ATTENTION_SCRATCH,
  QUERY_ROW,
  QUERY_SCRATCH,
} from './units.js';

/** As `Backend.attention`, for operands that have been checked. */
export function attention(
  runner: KernelRunner,
  y: Tensor<'f32'>,
  q: Tensor<'f32'>,
  k: KeyTensor,
  v: KeyTensor,
  shape: AttentionShape,
): void {
  const { heads, kvHeads, headDim, sequences, queries, keys, scale, softcap } = shape;
  const window = Math.min(shape.window ?? keys, keys);
  const group = heads / kvHeads;
  const kind = WEIGHT_KINDS.indexOf(k.dtype);
  if (queries === 1 && group <= ATTENTION_FEW && headDim % (kind ? 8 : 4) === 0) {
    singleQueries(runner, y, q, k, v, shape, window);
    return;
  }
  // The kernel makes tiles of a head's queries, or, of single queries, tiles of a group's heads.
  const [across, rows] = queries === 1 && group >= ATTENTION_FEW ? [kvHeads, group] : [heads, queries];
  const units = sequences * across * Math.ceil(rows / ATTENTION_QUERIES);
  const work = 2 * Math.min(rows, ATTENTION_QUERIES) * window * headDim;
  const operands = [q, k, v, y, heads, kvHeads, headDim, queries, keys, scale, window, softcap, kind];
  runner.run('attention', units, work, y, operands, ATTENTION_SCRATCH + 4 * headDim * ATTENTION_ROWS);
}

/** One query a sequence; of so many sequences at a time that there is room for what the steps leave to each other. */
function singleQueries(
  runner: KernelRunner,
  y: Tensor<'f32'>,
  q: Tensor<'f32'>,
  k: KeyTensor,
  v: KeyTensor,
  { heads, kvHeads, headDim, sequences, keys, scale, softcap }: AttentionShape,
  window: number,
): void {
  const width = heads * headDim;
  const first = keys - window - ((keys - window) % ATTENTION_KEYS);
  const blocks = Math.ceil((keys - first) / ATTENTION_KEYS);
  const [ofRows, ofSums] = [blocks * heads * (QUERY_ROW / 4), blocks * width];
  const most = Math.max(1, Math.min(sequences, Math.floor(runner.reserve / 8 / (ofRows + ofSums))));
  const kind = WEIGHT_KINDS.indexOf(k.dtype);
  const work = ATTENTION_KEYS * width;
  const scratch = QUERY_SCRATCH + 4 * width;
  const heldBy = [heads, kvHeads, headDim, keys, first, blocks];
  const memory = runner.allocate('f32', [most * (ofRows + ofSums)], 'the scores of attention');
  const [rows, sums] = [memory.rows(0, most * ofRows), memory.rows(most * ofRows, memory.size)];
  try {
    for (let begin = 0; begin < sequences; begin += most) {
      const end = Math.min(begin + most, sequences);
      const [qs, ys] = [rowsOf(q, sequences, begin, end), rowsOf(y, sequences, begin, end)];
      const [ks, vs] = [rowsOf(k, sequences, begin, end), rowsOf(v, sequences, begin, end)];
      const [units, all] = [(end - begin) * blocks, (end - begin) * heads];
      runner.run('queryScores', units, work, rows, [qs, ks, rows, ...heldBy, scale, kind], scratch);
      const weighed = [rows, heads, keys, first, blocks, window, softcap];
      runner.run('queryWeights', all, 4 * blocks * ATTENTION_KEYS, rows, weighed, scratch);
      runner.run('queryValues', units, work, sums, [rows, vs, sums, ...heldBy, window, kind]);
      runner.run('queryOutput', all, blocks * headDim, ys, [rows, sums, ys, heads, headDim, blocks]);
    }
  } finally {
    runner.free(memory);
  }
}
