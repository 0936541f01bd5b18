// The options of a pruning run, their defaults, and which of them do not go together.

import type { EngineOptions } from '../backend/open.js';
import { UsageError } from '../errors.js';
import type { LongRunning } from '../progress.js';
import type { MaskPolicy } from './masks.js';
import { type Method, scores } from './scores/scores.js';

/** What happens to the kept weights. */
export type Update = 'none' | 'admm';

/** What an update fits them to: the layer's outputs on the inputs that the pruned model gives it. */
export type Targets = 'own';

export type TopUp = 'uniform' | 'neuroal';

/** Steps of NeuroAL: over blocks, over rows, or one after the other. */
export type Step = 'block' | 'row' | 'both';

/** Names that the options take, in the order in which help shows them. */
export const choices = {
  method: Object.keys(scores) as Method[],
  topUp: ['uniform', 'neuroal'] as TopUp[],
  step: ['block', 'row', 'both'] as Step[],
  granularity: ['row', 'layer'] as ('row' | 'layer')[],
  update: ['none', 'admm'] as Update[],
  targets: ['own'] as Targets[],
};

export interface PruneOptions extends EngineOptions, LongRunning {
  /** Hugging Face folder; the embedded model where it is left out. */
  model?: string | undefined;
  /** Folder to write; must not exist, or be empty, unless `force`. */
  out: string;
  force?: boolean | undefined;
  method?: Method | undefined;
  topUp?: TopUp | undefined;
  /** Of NeuroAL: over blocks, over rows, or one after the other. */
  step?: Step | undefined;
  /** Run every candidate of NeuroAL's search to its end, for the λ curves; the winner is the same. */
  exhaustive?: boolean | undefined;
  /** Share of the weights of the blocks' linear layers to remove, in [0, 1). */
  sparsity?: number | undefined;
  /** `n:m`: n of every m consecutive inputs are removed. */
  pattern?: string | undefined;
  granularity?: 'row' | 'layer' | undefined;
  /** Fits the kept weights of each layer, after any mask, to what the dense layer makes of the pruned model's inputs. */
  update?: Update | undefined;
  /** Of an update; must be given with one. */
  targets?: Targets | undefined;
  /** Text, documents or token windows (see `readSource`); the embedded text where it is left out. */
  calibration?: string | undefined;
  /** Calibration windows of the base pruner. */
  samples?: number | undefined;
  /** How many of them the λ search uses. */
  searchSamples?: number | undefined;
  /** Tokens of a window; the model's own maximum, at most 2048, where it is left out. */
  seqLen?: number | undefined;
  /** Of the draw of the windows. */
  seed?: number | undefined;
}

/** What is used where an option is left out. */
export const pruneDefaults = {
  method: 'wanda' as Method,
  topUp: 'neuroal' as TopUp,
  step: 'both' as Step,
  sparsity: 0.7,
  granularity: 'row' as const,
  update: 'none' as Update,
  samples: 128,
  searchSamples: 8,
  seed: 0,
};

/** The method's part of the options, complete and free of contradictions. */
export interface Plan {
  method: Method;
  topUp: TopUp;
  step: Step | null;
  sparsity: number;
  pattern: string | null;
  granularity: 'row' | 'layer';
  update: Update;
  targets: Targets | null;
  policy: MaskPolicy;
}

/** @throws UsageError naming the option, what it may be, and for combinations without meaning what to use instead. */
export function planOf(options: Omit<PruneOptions, 'out'>): Plan {
  const method = oneOf('method', options.method ?? pruneDefaults.method, choices.method);
  const topUp = oneOf('top-up', options.topUp ?? pruneDefaults.topUp, choices.topUp);
  const step = oneOf('step', options.step ?? pruneDefaults.step, choices.step);
  const granularity = oneOf('granularity', options.granularity ?? pruneDefaults.granularity, choices.granularity);
  const update = oneOf('update', options.update ?? pruneDefaults.update, choices.update);
  const targets = options.targets === undefined ? null : oneOf('targets', options.targets, choices.targets);
  if ((update === 'none') !== (targets === null))
    throw new UsageError(
      update === 'none'
        ? 'expected targets only with an update, got targets alone'
        : `expected targets own with update ${update}`,
    );
  const pattern = options.pattern === undefined ? null : parsePattern(options.pattern);
  const sparsity = options.sparsity ?? (pattern ? pattern.n / pattern.m : pruneDefaults.sparsity);
  if (!(sparsity >= 0 && sparsity < 1)) throw new UsageError(`expected a sparsity in [0, 1), got ${sparsity}`);
  if (topUp === 'uniform' && options.step !== undefined)
    throw new UsageError('expected no step with top-up uniform: steps are those of top-up neuroal');
  if (pattern && topUp === 'neuroal')
    throw new UsageError(
      `expected top-up uniform with pattern ${options.pattern}: it removes the same share of every group`,
    );
  if (pattern && options.sparsity !== undefined && Math.abs(sparsity - pattern.n / pattern.m) > 1e-9)
    throw new UsageError(`expected sparsity ${pattern.n / pattern.m} with pattern ${options.pattern}, got ${sparsity}`);
  if (pattern && granularity === 'layer')
    throw new UsageError('expected either a pattern or granularity layer, got both');
  if (granularity === 'layer' && topUp === 'neuroal' && step !== 'block')
    throw new UsageError(`expected step block with granularity layer, got ${step}: the row step fixes every row`);
  return {
    method,
    topUp,
    step: topUp === 'neuroal' ? step : null,
    sparsity,
    pattern: options.pattern ?? null,
    granularity,
    update,
    targets,
    policy: pattern ? { kind: 'n:m', ...pattern } : { kind: granularity },
  };
}

function oneOf<T extends string>(name: string, value: T, known: readonly T[]): T {
  if (known.includes(value)) return value;
  throw new UsageError(`expected ${name} ${known.join(', ')}, got ${JSON.stringify(value)}`);
}

function parsePattern(pattern: string): { n: number; m: number } {
  const [, n, m] = /^(\d+):(\d+)$/.exec(pattern)?.map(Number) ?? [];
  if (n >= 1 && n < m && m <= 64) return { n, m };
  throw new UsageError(`expected a pattern n:m with 1 ≤ n < m ≤ 64, such as 2:4, got ${JSON.stringify(pattern)}`);
}
