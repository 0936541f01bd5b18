// Cases of dense linear algebra. The inverse computes in f64, so no more than the rounding of its result may show: on sizes
// around those of its tiles, units and blocks, on matrices that only their ridge makes invertible. Eliminations cross
// tiles, units and panels of columns likewise; those that are full of ties have no product in them that rounds, and are exact.

import type { BlockSelection, InverseForm } from '../../src/backend/backend.js';
import { type Case, close, type Tolerance } from './case.js';
import { type Draw, generator, listed, normal, oneOf, seedOf, uniform } from './draws.js';

/** Half a unit in the last place of f32, and what f64 leaves beside it. */
const rounded: Tolerance = { relative: 2 ** -24 + 1e-9, floor: 'rms' };

/** XᵀX [n, n] of `tokens` random rows; of rank `tokens` where these are fewer than n. */
function gram(n: number, tokens: number): Draw {
  const random = generator(seedOf(`${n} ${tokens}`));
  const x = Array.from({ length: tokens * n }, (_, i) => normal(random, i));
  const values = Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = 0;
    for (let t = 0; t < tokens; t++) sum += x[t * n + i] * x[t * n + j];
    return sum;
  });
  return listed(...values);
}

/** n, tokens, ridge. */
const matrices = [
  ...[1, 2, 3, 4, 5, 7, 8].map((n) => [n, 2 * n, 0.5]),
  ...[31, 32, 33, 63, 64, 65, 67, 68].map((n) => [n, 3 * n, 0]),
  [65, 7, 0.01],
  [100, 80, 1],
  [129, 40, 0.1],
];

const forms: InverseForm[] = ['whole', 'factor'];

const invert: Case[] = forms.flatMap((form) =>
  matrices.map(
    ([n, tokens, ridge]): Case => ({
      name: `invert ${form}, ${n}×${n} of rank ${Math.min(n, tokens)}, ridge ${ridge}`,
      tolerance: rounded,
      async run(rig) {
        const out = rig.result([n, n]);
        await rig.backend.invert(out, rig.f64([n, n], gram(n, tokens)), ridge, form);
        return [out];
      },
    }),
  ),
);

/** Upper triangular, n × n. */
const upper =
  (n: number, diagonal: Draw, above: Draw): Draw =>
  (random, at) => {
    const [r, c] = [Math.floor(at / n), at % n];
    return r === c ? diagonal(random, at) : r < c ? above(random, at) : 0;
  };

/** A part of the scores of a block, from the least to the whole. */
function selections(rows: number, from: number, to: number): BlockSelection[] {
  const size = rows * (to - from);
  const found: BlockSelection[] = [];
  for (const rank of new Set([0, Math.floor(size * 0.6), size - 1])) found.push({ kind: 'layer', rank });
  for (const prune of new Set([0, 1, Math.floor(size * 0.6), size])) found.push({ kind: 'count', prune });
  for (const m of [1, 4, 7].filter((m) => from % m === 0 && to % m === 0))
    for (const n of new Set([0, m >> 1, m])) found.push({ kind: 'n:m', n, m });
  return found;
}

const named = (selection: BlockSelection) =>
  selection.kind === 'layer'
    ? `layer ${selection.rank}`
    : selection.kind === 'count'
      ? `count ${selection.prune}`
      : `${selection.n}:${selection.m}`;

/** Rows, columns, from, to. */
const blocks = [
  [1, 1, 0, 1],
  [1, 5, 1, 2],
  [3, 7, 0, 7],
  [5, 56, 28, 56],
  [6, 64, 0, 28],
  [67, 131, 0, 64],
  [130, 90, 4, 81],
  [64, 200, 0, 128],
];

function eliminate(content: string, tolerance: Tolerance, weights: Draw, diagonal: Draw, above: Draw): Case[] {
  return blocks.flatMap(([rows, n, from, to]) =>
    selections(rows, from, to).map(
      (selection): Case => ({
        name: `eliminateColumns ${named(selection)}, ${from}…${to} of ${rows}×${n}, ${content}`,
        tolerance,
        run(rig) {
          const weight = rig.f32([rows, n], weights);
          rig.backend.eliminateColumns(weight, rig.f32([n, n], upper(n, diagonal, above)), from, to, selection);
          return [weight];
        },
      }),
    ),
  );
}

export const algebraCases: Case[] = [
  ...invert,
  ...eliminate('mixed scores', close, normal, uniform(0.5, 2), uniform(-0.1, 0.1)),
  ...eliminate('ties', 'exact', oneOf(-2, -1, -0.5, 0.5, 1, 0), oneOf(0.5, 1, 2), () => 0),
];
