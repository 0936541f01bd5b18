// The threshold of a mask over a whole matrix: three counting passes narrow the score of a given rank down to all its
// bits, eleven, eleven and nine at a time, without writing anything as large as the matrix.

import type { Tensor } from '../../tensor/tensor.js';
import { type ArenaMemory, addressIn, type WasmStorage } from './memory.js';

/** [shift, bits] of the digits of a non-negative f32's 31 bits, highest first. */
const DIGITS = [
  [20, 11],
  [9, 11],
  [0, 9],
] as const;

/** Bits of the `rank`-th smallest score (0-based) of weight[rows, columns] with optional column scales. */
export function layerThreshold(
  memory: ArenaMemory,
  weight: Tensor<'f32'>,
  scale: Tensor<'f32'> | null,
  rank: number,
): number {
  const gathered = memory.gather(scale ? [weight, scale] : [weight], 2048 * 4);
  const { kernels, memory: arenaMemory } = gathered.arena;
  const counts = (gathered.scratch as WasmStorage).pointer;
  try {
    const { rowCount: rows, columns } = weight;
    const weightAt = addressIn(gathered, weight);
    const scaleAt = scale ? addressIn(gathered, scale) : 0;
    let prefix = 0;
    let left = rank;
    for (const [shift, bits] of DIGITS) {
      const histogram = new Uint32Array(arenaMemory.buffer, counts, 1 << bits).fill(0);
      kernels.countScores(weightAt, scaleAt, rows, columns, prefix, shift, bits, counts);
      let digit = 0;
      for (; left >= histogram[digit]; digit++) left -= histogram[digit];
      prefix = (prefix << bits) | digit;
    }
    return prefix;
  } finally {
    memory.release(gathered);
  }
}
