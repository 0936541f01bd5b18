// Attention of the wasm backend: tiles of queries, and single queries, whose sequences are a thread's work each where there are
// enough of them; else threads share the keys of one, step by step (assembly/attention*.ts).

import type { Tensor } from '../../tensor/tensor.js';
import type { AttentionShape, KeyTensor } from '../backend.js';
import { WEIGHT_KINDS } from './kernels.js';
import type { KernelRunner } from './runner.js';
import {
  ATTENTION_FEW,
  ATTENTION_KEYS,
  ATTENTION_QUERIES,
  ATTENTION_ROWS,
  ATTENTION_SCRATCH,
  SCORE_ROW,
  TOKEN_SCRATCH,
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
  if (queries === 1 && group < ATTENTION_FEW && headDim % (kind ? 8 : 4) === 0) {
    single(runner, y, q, k, v, { ...shape, window });
    return;
  }
  // The kernel makes tiles of a head's queries, or, of single queries, tiles of a group's heads.
  const [across, rows] = queries === 1 && group >= ATTENTION_FEW ? [kvHeads, group] : [heads, queries];
  const units = sequences * across * Math.ceil(rows / ATTENTION_QUERIES);
  const work = 2 * Math.min(rows, ATTENTION_QUERIES) * window * headDim;
  const operands = [q, k, v, y, heads, kvHeads, headDim, queries, keys, scale, window, softcap, kind];
  runner.run('attention', units, work, y, operands, ATTENTION_SCRATCH + 4 * headDim * ATTENTION_ROWS);
}

/** One query a sequence. */
function single(
  runner: KernelRunner,
  y: Tensor<'f32'>,
  q: Tensor<'f32'>,
  k: KeyTensor,
  v: KeyTensor,
  { heads, kvHeads, headDim, sequences, keys, scale, softcap, window }: AttentionShape & { window: number },
): void {
  const width = heads * headDim;
  const first = keys - window - ((keys - window) % ATTENTION_KEYS);
  const blocks = Math.ceil((keys - first) / ATTENTION_KEYS);
  const kind = WEIGHT_KINDS.indexOf(k.dtype);
  const ofRows = sequences * blocks * heads * (SCORE_ROW / 4);
  const memory = runner.allocate('f32', [ofRows + sequences * blocks * width], 'the scores of attention');
  const [rows, sums] = [memory.rows(0, ofRows), memory.rows(ofRows, memory.size)];
  const work = ATTENTION_KEYS * width;
  const scratch = TOKEN_SCRATCH + 4 * width;
  const shape = [heads, kvHeads, headDim, keys, first];
  try {
    if (sequences >= runner.threads || !runner.shares(blocks, work)) {
      const operands = [q, k, v, y, rows, sums, ...shape, scale, window, softcap, kind];
      runner.run('attentionToken', sequences, 2 * blocks * work, [y, memory], operands, scratch);
      return;
    }
    const units = sequences * blocks;
    runner.run('tokenScores', units, work, rows, [q, k, rows, ...shape, scale, kind], scratch);
    const weighed = [rows, heads, keys, first, window, softcap];
    runner.run('tokenWeights', sequences * heads, 4 * blocks * ATTENTION_KEYS, rows, weighed, scratch);
    runner.run('tokenValues', units, work, sums, [rows, v, sums, ...shape, window, kind]);
    runner.run('tokenOutput', sequences * heads, blocks * headDim, y, [rows, sums, y, heads, headDim, blocks]);
  } finally {
    runner.free(memory);
  }
}
