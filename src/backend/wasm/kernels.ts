// The compiled kernels: the functions of one instance in an order that all threads agree on.

import type { DType } from '../../tensor/dtype.js';
import { WEIGHTS_16 } from '../../tensor/weights16.js';

/** Kernels that are split over the team; their position in this list is how one thread names them to another. */
export const KERNELS = [
  'activate',
  'addition',
  'admmScores',
  'admmStep',
  'attention',
  'columnLinear',
  'columnSquares',
  'columnSums',
  'countEntries',
  'countMasked',
  'cross',
  'countColumnScores',
  'eliminateColumns',
  'embed',
  'fillEntries',
  'fillMasked',
  'findColumnScore',
  'gate',
  'gram',
  'int8Linear',
  'invertDiagonal',
  'invertFactor',
  'invertLoad',
  'invertMirror',
  'invertSolve',
  'invertUpdate',
  'invertWhole',
  'layerNorm',
  'linear',
  'listColumns',
  'logProbabilities',
  'maskGroups',
  'maskRows',
  'maskThreshold',
  'multiply',
  'narrow',
  'packSteps',
  'packTokens',
  'quantizeTokens',
  'queryOutput',
  'queryScores',
  'queryValues',
  'queryWeights',
  'rmsNorm',
  'rope',
  'scaling',
  'scoreColumns',
  'softcap',
  'sparseLinear',
  'sparseVectors',
] as const;

/** The kinds of weights, in the order in which kernels number them. */
export const WEIGHT_KINDS: readonly DType[] = ['f32', ...WEIGHTS_16, 'i8'];

export type KernelName = (typeof KERNELS)[number];

/** Pointers and numbers, then begin, end and the number of the thread. */
export type Kernel = (...args: number[]) => void;

/** The last arguments of a kernel: which units, and whose. */
export const RANGE = 3;

/** Runs a kernel over the units [begin, end); the last RANGE of `args` are room for what says so, and no array is made. */
export function runUnits(kernel: Kernel, args: number[], begin: number, end: number, thread: number): void {
  const n = args.length - RANGE;
  args[n] = begin;
  args[n + 1] = end;
  args[n + 2] = thread;
  kernel(...args);
}

/** Those that one thread runs alone: scores counted for a threshold, what is loaded lifted and counted. */
const ALONE = ['countScores', 'lastEqual', 'lift'] as const;

/** What a module of the kernels exports at least. */
export const EXPORTS: readonly string[] = [...KERNELS, ...ALONE];

/** The kernels working on one memory. */
export class KernelSet {
  /** Split kernels, in the order of KERNELS. */
  readonly split: Kernel[];
  /** Count scores for a threshold over a whole matrix; run on one thread. */
  readonly countScores: (...args: number[]) => void;
  readonly lastEqual: (...args: number[]) => number;
  /** Lifts and counts what is loaded; run on one thread. */
  readonly lift: (...args: number[]) => number;

  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory) {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    this.split = KERNELS.map((name) => exports[name] as Kernel);
    this.countScores = exports.countScores as KernelSet['countScores'];
    this.lastEqual = exports.lastEqual as KernelSet['lastEqual'];
    this.lift = exports.lift as KernelSet['lift'];
  }
}
