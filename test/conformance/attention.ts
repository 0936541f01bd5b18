// Cases of attention: whole prompts, single new tokens, several sequences, grouped heads, heads of any width, sliding
// windows that begin anywhere in a block of keys, and soft caps.

import type { AttentionShape, KeyDType } from '../../src/backend/backend.js';
import { type Case, close, type Tolerance } from './case.js';
import { type Draw, normal, oneOf, whole } from './draws.js';

/** Heads, key heads, width of a head, sequences, queries, keys. */
type Sizes = [number, number, number, number, number, number];

const sizes: Sizes[] = [
  [1, 1, 1, 1, 1, 1],
  [1, 1, 4, 1, 1, 1],
  [2, 2, 4, 1, 2, 2],
  [3, 1, 4, 2, 3, 3],
  [4, 2, 12, 2, 5, 5],
  [2, 2, 7, 1, 5, 6],
  [6, 3, 20, 3, 7, 9],
  [4, 1, 32, 1, 1, 37],
  [4, 2, 32, 5, 1, 18],
  [8, 2, 64, 2, 1, 333],
  [2, 1, 80, 1, 3, 301],
  [3, 3, 64, 1, 2, 700],
  [9, 3, 64, 1, 1, 1030],
  [2, 1, 4, 3, 257, 257],
  [4, 2, 64, 1, 257, 257],
  [2, 1, 20, 2, 33, 350],
  // Queries in fours and in tiles of 64, keys in eights and in blocks of 64, columns in pairs, fours and eights.
  ...[3, 4, 5, 31, 32, 33, 63, 64, 65, 129].map((tokens): Sizes => [2, 1, 8, 2, tokens, tokens]),
  ...[63, 64, 65, 71, 72, 73, 127, 128, 129].map((keys): Sizes => [1, 1, 6, 1, 5, keys]),
  ...[1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 40, 80, 128, 256].map((headDim): Sizes => [2, 2, headDim, 1, 6, 70]),
  // Tiles of 64 queries with heads wider than 64, alone and behind keys that are there already.
  [2, 1, 96, 2, 65, 65],
  [2, 2, 128, 1, 70, 134],
  // Few queries: more than one part of the keys, rows of a group in fours and fewer, heads wider than 256.
  [12, 4, 64, 2, 3, 200],
  [4, 2, 264, 1, 2, 130],
  [2, 1, 130, 1, 8, 131],
  // One new token: groups below and from four heads on, and more heads than a tile has queries.
  [6, 2, 5, 2, 1, 65],
  [8, 2, 7, 2, 1, 129],
  [14, 2, 64, 1, 1, 200],
  [65, 1, 3, 2, 1, 66],
  [130, 2, 4, 1, 1, 9],
  // ... and heads as wide as vectors, of which rows of the cache are read whole.
  [16, 4, 64, 1, 1, 200],
  [12, 12, 64, 2, 1, 200],
  [12, 12, 8, 9, 1, 200],
  [66, 66, 4, 2, 1, 70],
  [69, 23, 8, 1, 1, 131],
];

/** Sizes and a window; those of the loop over blocks of 64 keys are 1, all of a block, one more, one less. */
const windows: [Sizes, number][] = [
  [[1, 1, 1, 1, 1, 1], 1],
  [[2, 1, 4, 1, 9, 9], 1],
  [[2, 2, 7, 2, 5, 6], 3],
  [[4, 2, 12, 2, 40, 41], 6],
  [[4, 2, 32, 5, 1, 18], 17],
  [[8, 2, 64, 2, 1, 333], 64],
  [[2, 1, 80, 1, 3, 301], 65],
  [[2, 1, 16, 1, 12, 140], 63],
  [[4, 1, 20, 3, 257, 257], 100],
  [[2, 1, 4, 1, 200, 513], 128],
  [[3, 3, 64, 1, 2, 700], 7],
  [[3, 3, 8, 1, 75, 75], 74],
  [[3, 3, 8, 1, 75, 75], 75],
  [[3, 3, 8, 1, 75, 75], 1e9],
  [[2, 2, 5, 1, 70, 140], 1],
  [[2, 2, 5, 1, 70, 140], 2],
  [[2, 2, 5, 1, 70, 140], 4],
  [[8, 2, 6, 2, 1, 150], 5],
  [[8, 2, 6, 2, 1, 150], 64],
  [[65, 1, 3, 1, 1, 150], 100],
  [[12, 12, 8, 2, 1, 150], 67],
  [[6, 3, 20, 1, 1, 140], 130],
];

/** Every position of a window against the blocks of keys and the tiles of queries. */
const slides = [1, 2, 7, 8, 9, 57, 63, 64, 65, 66, 71, 72, 127, 128, 129].map((window): [Sizes, number] => [
  [1, 1, 4, 1, 150, 213],
  window,
]);

type Extras = Partial<Pick<AttentionShape, 'window' | 'softcap'>> & { keysOf?: KeyDType };

function attention(name: string, shape: Sizes, scale: number, draw: Draw, tolerance: Tolerance, extras?: Extras): Case {
  const [heads, kvHeads, headDim, sequences, queries, keys] = shape;
  const { keysOf = 'f32', ...ends } = extras ?? {};
  const grouping = kvHeads === heads ? `${heads} heads` : `${heads} heads on ${kvHeads}`;
  return {
    name: `attention ${name}${grouping} of ${headDim}, ${sequences} × ${queries} queries, ${keys} keys`,
    tolerance,
    run(rig) {
      const q = rig.f32([sequences * queries, heads * headDim], draw);
      const k = rig[keysOf]([sequences * keys, kvHeads * headDim], draw);
      const v = rig[keysOf]([sequences * keys, kvHeads * headDim]);
      const y = rig.result([sequences * queries, heads * headDim]);
      rig.backend.attention(y, q, k, v, {
        ...{ heads, kvHeads, headDim, sequences, queries, keys, scale },
        ...{ window: null, softcap: null, ...ends },
      });
      return [y];
    },
  };
}

/** f32 noise of a logit of 1e4 is a thousandth, and so is then the relative error of its exponential. */
const ofLargeLogits: Tolerance = { relative: 5e-3, floor: 'rms' };

export const attentionCases: Case[] = [
  ...sizes.map((shape) => attention('', shape, 1 / Math.sqrt(shape[2]), normal, close)),
  ...[...windows, ...slides].map(([shape, window]) =>
    attention(`with a window of ${window}, `, shape, 1 / Math.sqrt(shape[2]), normal, close, { window }),
  ),
  ...sizes.map((shape) => attention('of bf16, ', shape, 1 / Math.sqrt(shape[2]), normal, close, { keysOf: 'bf16' })),
  ...windows.map(([shape, window]) =>
    attention(`of bf16 with a window of ${window} and scores capped at 5, `, shape, 1, normal, close, {
      ...{ window, softcap: 5, keysOf: 'bf16' },
    }),
  ),
  ...sizes.map((shape) => attention('with scores capped at 2, ', shape, 1, normal, close, { softcap: 2 })),
  ...windows.map(([shape, window]) =>
    attention(`with a window of ${window} and scores capped at 5, `, shape, 1, normal, close, { window, softcap: 5 }),
  ),
  attention('with scores far beyond the cap of 50, ', [2, 1, 4, 2, 9, 130], 1, whole(-50, 50), close, { softcap: 50 }),
  attention('with logits to ±1e4, ', [2, 1, 4, 2, 9, 9], 1, whole(-50, 50), ofLargeLogits),
  attention('with logits to ±1e4, ', [4, 2, 64, 1, 3, 301], 1, whole(-12, 12), ofLargeLogits),
  attention('with logits of ±1e4 only, ', [1, 1, 4, 1, 5, 40], 1, oneOf(-50, 50), ofLargeLogits),
  attention('with equal logits, ', [2, 2, 12, 1, 5, 77], 1, () => 0, close),
  attention('with equal logits and a window, ', [2, 2, 12, 1, 5, 77], 1, () => 0, close, { window: 70 }),
];
