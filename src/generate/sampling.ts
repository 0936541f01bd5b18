// The choice of the next token from its logits, with transformers' meaning and order of the options: repetition
// penalty, temperature, top-k, top-p.

import { CheckpointError, UsageError } from '../errors.js';

export interface SamplingOptions {
  /** Logits are divided by it; 0 takes the most likely token, the first of equals. */
  temperature: number;
  /** Only tokens at least as likely as the k-th; 0 = all. */
  topK: number;
  /** Only the most likely tokens that together have this probability (the one that crosses it included); 1 = all. */
  topP: number;
  /** Of tokens that were there before: positive logits are divided by it, negative ones multiplied (CTRL); 1 = off. */
  repetitionPenalty: number;
}

/** What is used where an option is not given. */
export const samplingDefaults: Readonly<SamplingOptions> = {
  temperature: 0.8,
  topK: 0,
  topP: 1,
  repetitionPenalty: 1,
};

/**
 * `options` with the defaults filled in.
 * @throws UsageError for a value that makes no sense
 */
export function samplingOptions(options: Partial<SamplingOptions> = {}): SamplingOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const filled = { ...samplingDefaults, ...given };
  const { temperature, topK, topP, repetitionPenalty } = filled;
  const check = (fits: boolean, what: string, got: number) => {
    if (!fits) throw new UsageError(`expected ${what}, got ${got}`);
  };
  check(temperature >= 0 && Number.isFinite(temperature), 'a temperature of 0 or more', temperature);
  check(Number.isSafeInteger(topK) && topK >= 0, 'a top-k of 0 (off) or more (a whole number)', topK);
  check(topP > 0 && topP <= 1, 'a top-p above 0 and at most 1', topP);
  check(repetitionPenalty > 0 && Number.isFinite(repetitionPenalty), 'a repetition penalty above 0', repetitionPenalty);
  return filled;
}

/**
 * The id of the next token.
 * @param logits one per token of the vocabulary; left as they are; -Infinity rules a token out
 * @param random asked for one number, unless the temperature is 0
 * @param history ids of prompt and generated text, for the repetition penalty
 * @throws UsageError for options that make no sense; CheckpointError for logits of which nothing can be chosen
 */
export function sample(
  logits: Float32Array,
  options: Partial<SamplingOptions>,
  random: { next(): number },
  history: Iterable<number> = [],
): number {
  const { temperature, topK, topP, repetitionPenalty } = samplingOptions(options);
  const scores = logits.slice();
  if (repetitionPenalty !== 1)
    for (const id of new Set(history))
      if (id < scores.length)
        scores[id] = scores[id] < 0 ? scores[id] * repetitionPenalty : scores[id] / repetitionPenalty;
  const best = likeliest(scores);
  if (temperature === 0) return best;
  const top = scores[best];
  // Weights relative to the best token: no overflow, whatever the temperature.
  const weights = new Float64Array(scores.length);
  const least =
    topK > 0 && topK < scores.length ? scores.slice().sort()[scores.length - topK] : Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++)
    if (scores[i] >= least) weights[i] = Math.exp((scores[i] - top) / temperature);
  if (topP < 1) keepNucleus(weights, topP);
  return draw(weights, random.next());
}

/** Index of the first largest score. */
function likeliest(scores: Float32Array): number {
  let best = 0;
  for (let i = 0; i < scores.length; i++) {
    // Also true of NaN and +Infinity.
    if (!(scores[i] < Number.POSITIVE_INFINITY))
      throw new CheckpointError({
        expected: 'finite logits; the weights may be damaged',
        got: `${scores[i]} for token ${i}`,
      });
    if (scores[i] > scores[best]) best = i;
  }
  if (!(scores[best] > Number.NEGATIVE_INFINITY))
    throw new CheckpointError({
      expected: 'a logit for at least one token',
      got: scores.length === 0 ? 'none' : 'only -Infinity',
    });
  return best;
}

/** Zeroes all but the fewest largest weights that have a share of at least `topP`; of equal ones the first stay. */
function keepNucleus(weights: Float64Array, topP: number): void {
  const sorted = weights.slice().sort();
  const needed = topP * sorted.reduce((sum, weight) => sum + weight, 0);
  let mass = 0;
  let at = sorted.length;
  while (at > 0 && mass < needed) mass += sorted[--at];
  const least = sorted[at];
  let equals = 0;
  while (at < sorted.length && sorted[at] === least) {
    at++;
    equals++;
  }
  for (let i = 0; i < weights.length; i++)
    if (weights[i] < least || (weights[i] === least && equals-- <= 0)) weights[i] = 0;
}

/** An index with probability in proportion to its weight; `point` in [0, 1). */
function draw(weights: Float64Array, point: number): number {
  let rest = point * weights.reduce((sum, weight) => sum + weight, 0);
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    rest -= weights[i];
    if (rest < 0) return i;
  }
  return last;
}
