// Where a mask over a whole matrix cuts, found by counting its scores (radix.ts) on one thread.

import type { Tensor } from '../../tensor/tensor.js';
import type { Selection } from '../backend.js';
import { type ArenaMemory, addressIn, type WasmStorage } from './memory.js';
import { BINS, scoreOfRank } from './radix.js';

const HISTOGRAM_BYTES = 4 * BINS;

/** What goes: every score below the threshold (as bits), and those equal to it at positions, row by row, up to `last`. */
export interface Cut {
  threshold: number;
  last: number;
}

/** The cut of a selection by the scores |of[rows, columns]| · (row · column), factors of 1 where there are none. */
export function cutOf(
  memory: ArenaMemory,
  of: Tensor<'f32'>,
  column: Tensor<'f32'> | null,
  row: Tensor<'f32'> | null,
  selection: Extract<Selection, { kind: 'layer' | 'count' }>,
): Cut {
  const rank = selection.kind === 'layer' ? selection.rank : selection.prune - 1;
  if (rank < 0) return { threshold: 0, last: -1 };
  const { rowCount: rows, columns } = of;
  const operands = [of, column, row];
  const gathered = memory.gather(operands, HISTOGRAM_BYTES + 4 * columns);
  const { kernels, memory: arenaMemory } = gathered.arena;
  const counts = (gathered.scratch as WasmStorage).pointer;
  const scores = counts + HISTOGRAM_BYTES;
  try {
    const args = [...operands.map((o) => (o ? addressIn(gathered, o) : 0)), rows, columns, scores];
    const { threshold, before, equal } = scoreOfRank(rank, (prefix, shift, bits) => {
      const histogram = new Uint32Array(arenaMemory.buffer, counts, 1 << bits).fill(0);
      kernels.countScores(...args, prefix, shift, bits, counts);
      return (bin) => histogram[bin];
    });
    const all = selection.kind === 'layer' || before + 1 === equal;
    return { threshold, last: all ? rows * columns - 1 : kernels.lastEqual(...args, threshold, before + 1) };
  } finally {
    memory.release(gathered);
  }
}
