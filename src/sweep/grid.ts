// The cells of a plan: every model with every combination of the values of every set, each combination checked by `prune`'s
// own rules before anything runs.

import { NeuroalError, UsageError } from '../errors.js';
import { planOf, pruneDefaults } from '../prune/options.js';
import { type CheckedPlan, type OptionLists, placeOfSet } from './plan.js';
import { combinationText, type OptionValues, type PlanOption, planOptions } from './plan-options.js';

/** Far more than a machine works off, and few enough to list. */
const maxCells = 10_000;

/** Every option of a run, what was left out filled in; null where an option has no meaning beside the others. */
export type CellOptions = Record<PlanOption, string | number | boolean | null>;

export interface Cell {
  /** As the plan calls it. */
  model: string;
  /** What the plan sets: what `prune` is given. */
  given: OptionValues;
  options: CellOptions;
}

/** A combination that `prune` refuses. */
export interface Refused {
  given: OptionValues;
  reason: string;
}

export interface Grid {
  /** Model after model. */
  cells: Cell[];
  /** Of a plan with `skipRefused`. */
  refused: Refused[];
}

/**
 * The cells of a plan, each once.
 * @throws UsageError for a combination that `prune` refuses (unless the plan skips these), for none, for too many
 */
export function gridOf({ where, models, sets, skipRefused }: CheckedPlan): Grid {
  const count = models.length * sets.reduce((sum, set) => sum + combinations(set), 0);
  if (count > maxCells)
    throw new UsageError(NeuroalError.text({ expected: `at most ${maxCells} cells`, got: String(count), where }));
  const runs = new Map<string, Omit<Cell, 'model'>>();
  const refused: Refused[] = [];
  for (const [i, set] of sets.entries())
    for (const given of product(set)) {
      try {
        const options = completed(given);
        const name = JSON.stringify(options);
        if (!runs.has(name)) runs.set(name, { given, options });
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        if (!skipRefused)
          throw new UsageError(`${error.message}, in ${placeOfSet(where, i)} (${combinationText(given)})`);
        refused.push({ given, reason: error.message });
      }
    }
  if (runs.size === 0)
    throw new UsageError(NeuroalError.text({ expected: 'a combination that prune takes', got: 'none', where }));
  return { cells: models.flatMap((model) => [...runs.values()].map((run) => ({ model, ...run }))), refused };
}

const combinations = (set: OptionLists) => Object.values(set).reduce((product, list) => product * list.length, 1);

/** All ways to take one value of each list; the last option changes first. */
function product(set: OptionLists): OptionValues[] {
  return planOptions.reduce<OptionValues[]>(
    (partial, option) =>
      set[option] ? partial.flatMap((given) => set[option]!.map((value) => ({ ...given, [option]: value }))) : partial,
    [{}],
  );
}

/** @throws UsageError for options that `prune` refuses */
function completed(given: OptionValues): CellOptions {
  const set = { ...pruneDefaults, exhaustive: false, calibration: 'embedded', ...given, ...planOf(given) };
  return Object.fromEntries(planOptions.map((option) => [option, set[option] ?? null])) as CellOptions;
}
