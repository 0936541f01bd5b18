// AlphaPruning (arXiv 2410.10912; §6 of the algorithms page): the heavier the tail of a layer's spectrum, the better it is
// trained and the less it should lose. Here the tail's exponent α, and sparsities from the mean α of each block.

import { CheckpointError } from '../../errors.js';
import type { Allocator } from './allocator.js';
import { numpyMean, numpySum } from './numpy-mean.js';
import { clampSparsity } from './schedule.js';
import { squaredSingularValues } from './singular-values.js';

export const alpha: Allocator = {
  name: 'alpha',
  async allocate({ sparsity, blocks, layers, readWeight, report, signal }) {
    const exponents: number[] = [];
    for (let block = 0; block < blocks; block++) {
      const ofLayers: number[] = [];
      for (const { name, rows, columns } of layers) {
        const where = `${name} of block ${block}`;
        const weight = await readWeight(block, name);
        ofLayers.push(hillExponent(await squaredSingularValues(weight, rows, columns, where, signal), where));
      }
      exponents.push(numpyMean(Float64Array.from(ofLayers)));
      report(block + 1, 'spectra');
    }
    const size = layers.reduce((total, { rows, columns }) => total + rows * columns, 0);
    const shares = alphaSchedule(exponents, new Array<number>(blocks).fill(size), sparsity);
    return { shares, evidence: { exponents } };
  },
};

const BINS = 100;

/**
 * α of the power law that fits the tail of a spectrum best; the tail begins near the peak of the histogram of log10.
 * Eigenvalues of 0 have no logarithm and are left out.
 * @param eigenvalues squared singular values of a layer, ascending
 * @param layer name for the error
 * @throws CheckpointError where no tail has two different eigenvalues, as of a layer of zeros
 */
export function hillExponent(eigenvalues: Float64Array, layer: string): number {
  const e = eigenvalues.filter((v) => v > 0);
  const logs = e.map(Math.log);
  const peak = histogramPeak(e.map(Math.log10));
  // The published code compares an eigenvalue with a logarithm here; its α's, and ours, come from that.
  const [low, high] = [Math.log10(0.95 * peak), 1.5 * peak];
  let [best, distance] = [0, Infinity];
  let tailSum = 0;
  for (let i = e.length - 1; i >= 0; i--) {
    tailSum += logs[i];
    // A tail of equal eigenvalues, the last one above all, has no exponent.
    if (e[i] < low || e[i] > high || e[i] === e[e.length - 1]) continue;
    const n = e.length - i;
    const alpha = 1 + n / (tailSum - n * logs[i]);
    if (!(alpha > 1)) continue;
    const d = kolmogorovSmirnov(logs.subarray(i), alpha);
    // As if the candidates were tried from the smallest on: of equal distances, the longest tail.
    if (d <= distance) [best, distance] = [alpha, d];
  }
  if (best > 0) return best;
  throw new CheckpointError({
    expected: 'weights whose singular values have a tail',
    got: `${new Set(e).size} different singular values above 0`,
    where: layer,
  });
}

/** The lower edge, as a number, of the bin that most of these (ascending) logarithms fall into; of equal bins the first. */
function histogramPeak(log10s: Float64Array): number {
  const low = log10s[0];
  const width = (log10s[log10s.length - 1] - low) / BINS;
  const counts = new Int32Array(BINS);
  for (const v of log10s) counts[Math.min(Math.trunc((v - low) / width), BINS - 1)]++;
  return 10 ** (low + counts.indexOf(Math.max(...counts)) * width);
}

/** Largest distance between a power law and the tail that it was fitted to, given as logarithms, ascending. */
function kolmogorovSmirnov(logs: Float64Array, alpha: number): number {
  const n = logs.length;
  return logs.reduce((d, v, j) => Math.max(d, Math.abs(1 - Math.exp((1 - alpha) * (v - logs[0])) - j / n)), 0);
}

/**
 * Sparsity of each block for the target s: its mean α mapped to [1 − ε, 1 + ε] (the least α loses least), then scaled so that
 * the mean over all weights is s, and clamped.
 * @param exponents mean α of each block
 * @param sizes weights of each block
 */
export function alphaSchedule(
  exponents: readonly number[],
  sizes: readonly number[],
  s: number,
  epsilon = 0.3,
): number[] {
  const low = Math.min(...exponents);
  const high = Math.max(...exponents);
  if (high === low) return exponents.map(() => s);
  const ratios = Float64Array.from(exponents, (alpha) => ((alpha - low) / (high - low)) * 2 * epsilon + 1 - epsilon);
  const weights = Float64Array.from(sizes);
  const scale = (numpySum(weights) * s) / numpySum(weights.map((size, b) => size * ratios[b]));
  return Array.from(ratios, (ratio) => clampSparsity(ratio * scale));
}
