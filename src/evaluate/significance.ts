// Whether two models differ on the same documents, or only by the luck of the draw: McNemar's exact test on the documents
// that one got right and the other wrong, the paired randomisation (sign-flip) test of the difference, and its interval by
// the paired bootstrap. All are seeded or exact: the same answers give the same figures.

import { PythonRandom } from '../data/random.js';
import { safePoint } from '../progress.js';

/** McNemar's test of two models on the same questions (exact: binomial, two-sided). */
export interface McNemar {
  /** Documents that only the first model got right. */
  onlyFirst: number;
  /** Documents that only the second model got right. */
  onlySecond: number;
  /** Probability of a split at least as uneven, were each of these documents a fair coin; 1 where there is none. */
  p: number;
}

/** The paired bootstrap of the difference of means, second minus first. */
export interface Bootstrap {
  /** Bounds of the 95 % interval: the 2.5th and 97.5th percentile of the replicates. */
  low: number;
  high: number;
  replicates: number;
}

/** The paired randomisation test, two-sided: were the models the same, each difference could as well have the other sign. */
export interface SignFlip {
  /** (k + 1) / (replicates + 1), where k replicates are at least as far from 0 as what was observed; never 0. */
  p: number;
  replicates: number;
}

/** @param first, second 1 for each document that the model got right, else 0 */
export function mcnemar(first: readonly number[], second: readonly number[]): McNemar {
  let [onlyFirst, onlySecond] = [0, 0];
  for (const [i, value] of first.entries()) {
    if (value > second[i]) onlyFirst++;
    if (value < second[i]) onlySecond++;
  }
  const n = onlyFirst + onlySecond;
  // log C(n, k) − n·log 2, from k − 1 to k; large n would leave the range of numbers otherwise.
  let log = -n * Math.LN2;
  let tail = 0;
  for (let k = 0; k <= Math.min(onlyFirst, onlySecond); k++) {
    if (k > 0) log += Math.log((n - k + 1) / k);
    tail += Math.exp(log);
  }
  return { onlyFirst, onlySecond, p: Math.min(1, 2 * tail) };
}

const REPLICATES = 10_000;
/** Replicates between two safe points. */
const PIECE = 100;

/** @param first, second the values of the same documents, in order; equally many, at least one */
export async function pairedBootstrap(
  first: readonly number[],
  second: readonly number[],
  { seed = 0, signal }: { seed?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Bootstrap> {
  const n = first.length;
  const differences = Float64Array.from(first, (value, i) => second[i] - value);
  const random = new PythonRandom(seed);
  const means = new Float64Array(REPLICATES);
  for (let r = 0; r < REPLICATES; r++) {
    if (r % PIECE === 0) await safePoint(signal);
    let sum = 0;
    for (let i = 0; i < n; i++) sum += differences[Math.floor(random.random() * n)];
    means[r] = sum / n;
  }
  means.sort();
  return { low: percentile(means, 0.025), high: percentile(means, 0.975), replicates: REPLICATES };
}

/**
 * Draws from the null itself, unlike the bootstrap, whose replicates lie around what was observed.
 * @param first, second the values of the same documents, in order
 */
export async function signFlipTest(
  first: readonly number[],
  second: readonly number[],
  { seed = 0, signal }: { seed?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<SignFlip> {
  // A difference of 0 is the same with either sign.
  const differences = Float64Array.from(first, (value, i) => second[i] - value).filter((value) => value !== 0);
  const observed = Math.abs(differences.reduce((sum, value) => sum + value, 0));
  // Sums that differ by their rounding alone are equal.
  const least = observed - 1e-12 * differences.reduce((sum, value) => sum + Math.abs(value), 0);
  const random = new PythonRandom(seed);
  let asFar = 0;
  for (let r = 0; r < REPLICATES; r++) {
    if (r % PIECE === 0) await safePoint(signal);
    let sum = 0;
    for (const value of differences) sum += random.random() < 0.5 ? value : -value;
    if (Math.abs(sum) >= least) asFar++;
  }
  return { p: (asFar + 1) / (REPLICATES + 1), replicates: REPLICATES };
}

/** Between two values, in proportion. */
function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}
