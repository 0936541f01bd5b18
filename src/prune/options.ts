// The options of a pruning run, their defaults, and which of them do not go together.

import type { EngineOptions } from '../backend/open.js';
import { type Format, formats } from '../checkpoint/sparse/layout.js';
import { UsageError } from '../errors.js';
import type { LongRunning } from '../progress.js';
import type { Allocator } from './allocate/allocator.js';
import type { MaskPolicy, Rounding } from './masks.js';
import type { Score } from './scores/score.js';
import { scores } from './scores/scores.js';

/** How weights are chosen: a score, or an update that chooses as it goes. */
export type Method = keyof typeof scores | 'sparsegpt' | 'admm';

/** What happens to the kept weights after a mask. */
export type Update = 'none' | 'admm';

/** What an update fits a layer to: its own outputs on the pruned model's inputs, or the dense model's outputs. */
export type Targets = 'own' | 'dense';

const topUps = ['uniform', 'neuroal', 'owl', 'alpha', 'dsnot', 'atp'] as const;
export type TopUp = (typeof topUps)[number];

/** Steps of NeuroAL: over blocks, over rows, or one after the other. */
export type Step = 'block' | 'row' | 'both';

export type Granularity = 'row' | 'layer';

/** Names that the options take, in the order in which help shows them. */
export const choices = {
  method: [...Object.keys(scores), 'sparsegpt', 'admm'] as Method[],
  topUp: [...topUps] as TopUp[],
  step: ['block', 'row', 'both'] as Step[],
  granularity: ['row', 'layer'] as Granularity[],
  rounding: ['published', 'exact'] as Rounding[],
  update: ['none', 'admm'] as Update[],
  targets: ['own', 'dense'] as Targets[],
  format: [...formats] as Format[],
};

export interface PruneOptions extends EngineOptions, LongRunning {
  /** Hugging Face folder; the embedded model where it is left out. */
  model?: string | undefined;
  /** Folder to write; must not exist, or be empty, unless `force`. */
  out: string;
  force?: boolean | undefined;
  /** What the folder stores its linear layers as: dense for the standard loaders, or sparse (docs/sparse-files.md). */
  format?: Format | undefined;
  /** A method by name, or a score of one's own. */
  method?: Method | Score | undefined;
  /** An allocation by name, or one of one's own. */
  topUp?: TopUp | Allocator | undefined;
  /** Of NeuroAL: over blocks, over rows, or one after the other; blocks alone where there is no row step. */
  step?: Step | undefined;
  /** Run every candidate of NeuroAL's search to its end, for the λ curves; the winner is the same. */
  exhaustive?: boolean | undefined;
  /** Bytes that the hidden states of NeuroAL's waiting candidates may take; the others wait in files. */
  searchMemory?: number | undefined;
  /** Share of the weights of the blocks' linear layers to remove, in [0, 1). */
  sparsity?: number | undefined;
  /** `n:m`: n of every m consecutive inputs are removed. */
  pattern?: string | undefined;
  granularity?: Granularity | undefined;
  /** How a share becomes a count: as the published codes truncate, or so that every layer loses round(weights · s). */
  rounding?: Rounding | undefined;
  /** Fits the kept weights of each layer, after any mask. */
  update?: Update | undefined;
  /** Of an update, or of method admm. */
  targets?: Targets | undefined;
  /** Of DSnoT: a row also stops where a swap would change the sign of its error, as in the paper. */
  sameSign?: boolean | undefined;
  /** Text, documents or token windows (see `readSource`); the embedded text where it is left out. */
  calibration?: string | undefined;
  /** Calibration windows of the base pruner. */
  samples?: number | undefined;
  /** How many of them the searches of NeuroAL and ATP use. */
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
  granularity: 'row' as Granularity,
  rounding: 'published' as Rounding,
  update: 'none' as Update,
  targets: 'dense' as Targets,
  searchMemory: 2 ** 30,
  samples: 128,
  searchSamples: 8,
  seed: 0,
  format: 'dense' as Format,
};

/** The method's part of the options, complete and free of contradictions. */
export interface Plan {
  method: string;
  topUp: string;
  step: Step | null;
  sparsity: number;
  pattern: string | null;
  granularity: Granularity;
  rounding: Rounding;
  update: Update;
  targets: Targets | null;
  /** Of DSnoT, there with it alone. */
  sameSign?: boolean;
  /** What ranks the weights; null where the method chooses them itself. */
  score: Score | null;
  /** An allocation of the caller's own. */
  allocator: Allocator | null;
  policy: MaskPolicy;
}

/** @throws UsageError naming the option, what it may be, and for combinations without meaning what to use instead. */
export function planOf(options: Omit<PruneOptions, 'out'>): Plan {
  const { score, name: method } = scoreOf(options.method ?? pruneDefaults.method);
  const { allocator, name: topUp } = allocatorOf(options.topUp ?? pruneDefaults.topUp);
  const granularity = oneOf('granularity', options.granularity ?? pruneDefaults.granularity, choices.granularity);
  const rounding = oneOf('rounding', options.rounding ?? pruneDefaults.rounding, choices.rounding);
  const update = oneOf('update', options.update ?? pruneDefaults.update, choices.update);
  const targets = options.targets === undefined ? undefined : oneOf('targets', options.targets, choices.targets);
  const step = options.step === undefined ? undefined : oneOf('step', options.step, choices.step);
  const pattern = options.pattern === undefined ? null : parsePattern(options.pattern);
  const sparsity = options.sparsity ?? (pattern ? pattern.n / pattern.m : pruneDefaults.sparsity);
  const { searchMemory = pruneDefaults.searchMemory } = options;
  if (!(sparsity >= 0 && sparsity < 1)) throw new UsageError(`expected a sparsity in [0, 1), got ${sparsity}`);
  if (!(searchMemory >= 0)) throw new UsageError(`expected search-memory of 0 bytes or more, got ${searchMemory}`);
  if (pattern && options.sparsity !== undefined && Math.abs(sparsity - pattern.n / pattern.m) > 1e-9)
    throw new UsageError(
      `expected sparsity ${pattern.n / pattern.m} with pattern ${options.pattern} (or none), got ${sparsity}`,
    );
  if (pattern && granularity === 'layer')
    throw new UsageError('expected either a pattern or granularity layer, got both');
  if (granularity === 'layer' && method === 'sparsegpt' && !score)
    throw new UsageError('expected granularity row with method sparsegpt, which compares blocks of columns; got layer');

  const isAdmm = method === 'admm' && !score;
  const fits = isAdmm || update !== 'none';
  if (targets !== undefined && !fits)
    throw new UsageError(`expected targets only with update admm or method admm, got targets ${targets} alone`);
  if (update === 'admm' && isAdmm)
    throw new UsageError('expected no update with method admm: it fits the weights itself');

  const isNeuroal = topUp === 'neuroal' && !allocator;
  const noRows = !score
    ? `method ${method}, which chooses its masks itself`
    : pattern
      ? `pattern ${options.pattern}, every row of which loses the same`
      : granularity === 'layer'
        ? 'granularity layer, since the row step fixes every row'
        : null;
  if (step !== undefined && !isNeuroal)
    throw new UsageError(`expected no step with top-up ${topUp}: steps are those of top-up neuroal`);
  if (step !== undefined && step !== 'block' && noRows)
    throw new UsageError(`expected step block with ${noRows}; got step ${step}`);

  const isDsnot = topUp === 'dsnot' && !allocator;
  if (isDsnot && noRows)
    throw new UsageError(
      'expected top-up dsnot with a score and masks by row, whose weights it swaps, got ' +
        `${noRows.split(',')[0]}; use ${score ? 'top-up uniform' : 'method wanda'}`,
    );
  if (options.sameSign !== undefined && !isDsnot)
    throw new UsageError(`expected the same-sign test only with top-up dsnot, got top-up ${topUp}`);
  return {
    method,
    topUp,
    step: isNeuroal ? (step ?? (noRows ? 'block' : pruneDefaults.step)) : null,
    sparsity,
    pattern: options.pattern ?? null,
    granularity,
    rounding,
    update,
    targets: fits ? (targets ?? pruneDefaults.targets) : null,
    ...(isDsnot ? { sameSign: options.sameSign ?? false } : {}),
    score,
    allocator,
    policy: pattern ? { kind: 'n:m', m: pattern.m, rounding } : { kind: granularity, rounding },
  };
}

/** A method's score, its own or that of its name; null for the methods that choose their masks themselves. */
function scoreOf(method: Method | Score): { name: string; score: Score | null } {
  if (typeof method === 'object') {
    if (typeof method?.name === 'string' && typeof method.score === 'function')
      return { name: method.name, score: method };
    throw new UsageError(`expected a score with a name and a function score, got ${JSON.stringify(method)}`);
  }
  const name = oneOf('method', method, choices.method);
  return { name, score: name === 'sparsegpt' || name === 'admm' ? null : scores[name] };
}

/** A caller's own allocator, or null for one of the names. */
function allocatorOf(topUp: TopUp | Allocator): { name: string; allocator: Allocator | null } {
  if (typeof topUp !== 'object') return { name: oneOf('top-up', topUp, choices.topUp), allocator: null };
  if (typeof topUp?.name === 'string' && typeof topUp.allocate === 'function')
    return { name: topUp.name, allocator: topUp };
  throw new UsageError(`expected an allocator with a name and a function allocate, got ${JSON.stringify(topUp)}`);
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
