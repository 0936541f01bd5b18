// The options of `prune` that a plan may set, in the order in which results show them, each with the kind of its values.
// An option that `prune` gains is one line here, and the compiler asks for it.

import type { EngineOptions } from '../backend/open.js';
import type { LongRunning } from '../progress.js';
import type { PruneOptions } from '../prune/options.js';

/** What a sweep itself decides is not for a plan to set. */
export type PlanOption = Exclude<
  keyof PruneOptions,
  'model' | 'out' | 'force' | 'format' | 'searchMemory' | keyof EngineOptions | keyof LongRunning
>;

/** One value for each option that is set: what `prune` is given. */
export type OptionValues = Pick<PruneOptions, PlanOption>;

/** What the values of an option are; which of them make sense is for `prune` to say. */
export interface Kind {
  expected: string;
  holds(value: unknown): boolean;
}

const word: Kind = { expected: 'a word', holds: (value) => typeof value === 'string' && value !== '' };
const file: Kind = { ...word, expected: 'a file' };
const number: Kind = { expected: 'a number', holds: Number.isFinite };
const onOff: Kind = { expected: 'true or false', holds: (value) => typeof value === 'boolean' };

/** Whole numbers of at least `least`. */
export const wholeNumber = (least: number): Kind => ({
  expected: `a whole number of ${least} or more`,
  holds: (value) => Number.isSafeInteger(value) && (value as number) >= least,
});

export const optionKinds = {
  method: word,
  topUp: word,
  step: word,
  granularity: word,
  rounding: word,
  update: word,
  targets: word,
  sameSign: onOff,
  exhaustive: onOff,
  calibration: file,
  samples: wholeNumber(1),
  searchSamples: wholeNumber(1),
  seqLen: wholeNumber(2),
  pattern: word,
  sparsity: number,
  seed: wholeNumber(0),
} satisfies Record<PlanOption, Kind>;

/** Their names. */
export const planOptions = Object.keys(optionKinds) as PlanOption[];

/** How messages call a combination: what the plan sets, such as `method wanda, topUp uniform`. */
export function combinationText(given: OptionValues): string {
  const set = planOptions.filter((option) => given[option] !== undefined);
  return set.map((option) => `${option} ${given[option]}`).join(', ') || 'no options';
}
