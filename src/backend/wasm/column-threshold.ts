// The threshold of a block of columns of SparseGPT: as for a mask over a whole matrix (threshold.ts), counting passes
// narrow the score of a given rank down to all its bits, but the threads share them: there is one threshold a block, and
// many blocks a layer.

import type { Tensor } from '../../tensor/tensor.js';
import type { BlockSelection } from '../backend.js';
import { viewOf } from './memory.js';
import type { KernelRunner } from './runner.js';
import { ELEMENTS } from './units.js';

/** [shift, bits] of the digits of a non-negative f32's 31 bits, highest first. */
const DIGITS = [
  [20, 11],
  [9, 11],
  [0, 9],
] as const;

const BINS = 2048;

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
    let threshold = 0;
    let left = selection.kind === 'layer' ? selection.rank : selection.prune - 1;
    let equal = 0;
    for (const [shift, bits] of DIGITS) {
      integers(histograms).fill(0);
      const operands = [scores, size, threshold, shift, bits, histograms, BINS * 4];
      runner.run('countColumnScores', Math.ceil(size / ELEMENTS), 4 * ELEMENTS, histograms, operands);
      const counts = integers(histograms);
      const inBin = (bin: number) => {
        let count = 0;
        for (let thread = 0; thread < runner.threads; thread++) count += counts[thread * BINS + bin];
        return count;
      };
      let digit = 0;
      for (equal = inBin(0); left >= equal; equal = inBin(++digit)) left -= equal;
      threshold = (threshold << bits) | digit;
    }
    if (selection.kind === 'layer' || left + 1 === equal) return { threshold, last: size - 1 };
    runner.run('findColumnScore', 1, size, histograms, [scores, size, threshold, left + 1, histograms]);
    return { threshold, last: integers(histograms)[0] };
  } finally {
    runner.free(histograms);
  }
}

function integers(tensor: Tensor<'i32'>): Int32Array {
  const { buffer, byteOffset } = viewOf(tensor);
  return new Int32Array(buffer, byteOffset, tensor.size);
}
