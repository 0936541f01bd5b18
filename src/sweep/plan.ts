// The plan of a sweep, checked word by word: what it may hold, and what is said of anything else. Which options go together
// is checked where they are put together, in grid.ts.

import { dirname } from 'node:path';
import { NeuroalError, UsageError } from '../errors.js';
import { didYouMean } from '../nearest.js';
import type { PruneOptions } from '../prune/options.js';
import { quoted } from '../quoted.js';
import { readPlanFile } from './plan-file.js';
import { type Kind, optionKinds, type PlanOption, planOptions, wholeNumber } from './plan-options.js';

type OneOrMore<T> = T | readonly T[];

/** Options of `prune`, each with one value or a list; the lists multiply. */
export type OptionSet = { readonly [K in PlanOption]?: OneOrMore<NonNullable<PruneOptions[K]>> };

/** What a sweep is asked for. Beside the keys named here it may hold every option of a set, for all sets. */
export interface SweepPlan extends OptionSet {
  /** Folders, names on the Hub, or `embedded`. */
  models: OneOrMore<string>;
  /** Option sets; a set's own options replace those of the plan. One set without options of its own where it is left out. */
  grid?: readonly OptionSet[];
  /** What perplexity is measured on. */
  evaluation?: {
    /** See `readSource`; `embedded`, the embedded evaluation text, where it is left out. */
    source?: OneOrMore<string>;
    /** Tokens of a window; each model's own maximum, at most 2048, where it is left out. */
    seqLen?: number;
    /** Windows to use at most. */
    limit?: number;
  };
  /** Leave out combinations that `prune` refuses, instead of refusing the plan. */
  skipRefused?: boolean;
}

/** A plan whose words are known to be right. */
export interface CheckedPlan {
  /** What messages call it. */
  where: string;
  /** Folder that its paths start from. */
  folder: string;
  models: readonly string[];
  /** The values of every option of each set, those of the whole plan included. */
  sets: readonly OptionLists[];
  evaluation: { sources: readonly string[]; seqLen: number | undefined; limit: number | undefined };
  skipRefused: boolean;
}

export type OptionLists = Partial<Record<PlanOption, readonly unknown[]>>;

const ownKeys = ['models', 'grid', 'evaluation', 'skipRefused'];

/**
 * Reads a plan from its file, or takes one as it is, with paths that start from the working folder.
 * @throws UsageError for what is wrong with it, DataError for a file that cannot be read
 */
export async function readPlan(plan: string | SweepPlan): Promise<CheckedPlan> {
  if (typeof plan !== 'string') return checkedPlan(plan, 'the plan', '.');
  return checkedPlan(await readPlanFile(plan), plan, dirname(plan));
}

/** @throws UsageError naming what was expected and where */
export function checkedPlan(document: unknown, where: string, folder: string): CheckedPlan {
  const plan = mapping(document, 'a plan (models and options)', where);
  checkKeys(plan, [...ownKeys, ...planOptions], where);
  const models = listed(plan.models, 'models', names, where);
  const common = optionLists(plan, where);
  const { grid = [{}], evaluation: asked = {}, skipRefused = false } = plan;
  if (!Array.isArray(grid) || grid.length === 0) throw refusal('grid to be a list of option sets', grid, where);
  const sets = grid.map((given: unknown, i) => {
    const place = placeOfSet(where, i);
    const set = mapping(given, 'an option set (such as { method: wanda })', place);
    checkKeys(set, planOptions, place);
    return joined(common, optionLists(set, place));
  });
  const place = `${where}, evaluation`;
  const evaluation = mapping(asked, 'a mapping of source, seqLen and limit', place);
  checkKeys(evaluation, ['source', 'seqLen', 'limit'], place);
  const { source = 'embedded', seqLen, limit } = evaluation;
  if (typeof skipRefused !== 'boolean') throw refusal('skipRefused to be true or false', skipRefused, where);
  return {
    where,
    folder,
    models: [...new Set(models as string[])],
    sets,
    evaluation: {
      sources: listed(source, 'source', optionKinds.calibration, place) as string[],
      seqLen: seqLen === undefined ? undefined : (checked(seqLen, 'seqLen', wholeNumber(2), place) as number),
      limit: limit === undefined ? undefined : (checked(limit, 'limit', wholeNumber(1), place) as number),
    },
    skipRefused,
  };
}

/** Where a message says that the set at `index` is. */
export const placeOfSet = (where: string, index: number) => `${where}, set ${index + 1} of the grid`;

const names: Kind = { ...optionKinds.calibration, expected: 'folders, names on the Hub, or embedded' };

function optionLists(given: Record<string, unknown>, where: string): OptionLists {
  const lists: OptionLists = {};
  for (const option of planOptions)
    if (given[option] !== undefined) lists[option] = listed(given[option], option, optionKinds[option], where);
  return lists;
}

/** A pattern implies a sparsity, so a set's own pattern replaces the plan's sparsities, and the other way round. */
function joined(common: OptionLists, own: OptionLists): OptionLists {
  const { pattern, sparsity, ...others } = common;
  if (own.pattern || own.sparsity) return { ...others, ...own };
  return { ...common, ...own };
}

/** The values of what is given as one value or a list. */
function listed(given: unknown, name: string, kind: Kind, where: string): readonly unknown[] {
  const values: unknown[] = Array.isArray(given) ? given : [given];
  if (values.length === 0) throw refusal(`${name} to be ${kind.expected}, or a list of such`, values, where);
  return values.map((value) => checked(value, name, kind, where));
}

function checked(value: unknown, name: string, kind: Kind, where: string): unknown {
  if (kind.holds(value)) return value;
  throw refusal(`${name} to be ${kind.expected}`, value, where);
}

function mapping(value: unknown, expected: string, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw refusal(expected, value, where);
}

function checkKeys(given: object, known: readonly string[], where: string): void {
  const key = Object.keys(given).find((name) => !known.includes(name));
  if (key === undefined) return;
  const text = NeuroalError.text({ expected: `one of ${known.join(', ')}`, got: quoted(key) });
  throw new UsageError(`${text}${didYouMean(key, known)}, in ${where}`);
}

function refusal(expected: string, value: unknown, where: string): UsageError {
  return new UsageError(NeuroalError.text({ expected, got: described(value), where }));
}

function described(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  // JSON has no word for what is no number.
  return typeof value === 'number' ? String(value) : quoted(value);
}
