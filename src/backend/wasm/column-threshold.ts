// The threshold of a block of columns of SparseGPT, found by counting its scores (radix.ts) on all threads: there is one
// threshold a block, and many blocks a layer.

import type { Tensor } from '../../tensor/tensor.js';
import type { BlockSelection } from '../backend.js';
import { viewOf } from './memory.js';
import { BINS, scoreOfRank } from './radix.js';
import type { KernelRunner } from './runner.js';
import { ELEMENTS } from './units.js';

/** Scores that go: those whose bits are below `threshold`, and those equal to it no later than at index `last`. */
export interface ColumnThreshold {
  threshold: number;
  last: number;
}

/** What `selection` removes, given the bits of the scores of a block, row by row. */
export function columnThreshold(
  runner: KernelRunner,
  scores: Tensor<'i32'>,
  selection: Exclude<BlockSelection, { kind: 'n:m' }>,
): ColumnThreshold {
  const { size } = scores;
  const histograms = runner.allocate('i32', [runner.threads, BINS]);
  try {
    const rank = selection.kind === 'layer' ? selection.rank : selection.prune - 1;
    const { threshold, before, equal } = scoreOfRank(rank, (prefix, shift, bits) => {
      integers(histograms).fill(0);
      const operands = [scores, size, prefix, shift, bits, histograms, BINS * 4];
      runner.run('countColumnScores', Math.ceil(size / ELEMENTS), 4 * ELEMENTS, histograms, operands);
      const counts = integers(histograms);
      return (bin) => {
        let count = 0;
        for (let thread = 0; thread < runner.threads; thread++) count += counts[thread * BINS + bin];
        return count;
      };
    });
    if (selection.kind === 'layer' || before + 1 === equal) return { threshold, last: size - 1 };
    runner.run('findColumnScore', 1, size, histograms, [scores, size, threshold, before + 1, histograms]);
    return { threshold, last: integers(histograms)[0] };
  } finally {
    runner.free(histograms);
  }
}

function integers(tensor: Tensor<'i32'>): Int32Array {
  const { buffer, byteOffset } = viewOf(tensor);
  return new Int32Array(buffer, byteOffset, tensor.size);
}
