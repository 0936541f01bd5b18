// Cases of dense linear algebra, on sizes around those of tiles, units and blocks. Products and inverses are f64 and held to
// it: an inverse to what its condition leaves, on matrices that only their ridge makes invertible too. Eliminations that are
// full of ties, and products of small whole numbers, round nothing on the way and are exact.

import type { BlockSelection, InverseForm } from '../../src/backend/backend.js';
import { type Case, close, type Tolerance } from './case.js';
import { type Draw, generator, listed, mixed, normal, oneOf, seedOf, uniform, whole } from './draws.js';

/** Rows of x, rows of the matrix: around tiles and units; and an odd number of columns, so that one is left of its vectors. */
const sides = [1, 2, 3, 63, 64, 65, 130].flatMap((m) => [1, 3, 4, 5, 31, 32, 33, 70].map((rows) => [m, rows, 5]));

/** Columns: a vector, a vector and 1 more, more than a pass. */
const depths = [1, 2, 3, 4, 512, 513, 514, 600].flatMap((n) => [
  [1, 1, n],
  [2, 4, n],
  [3, 70, n],
  [65, 33, n],
]);

/** A sum of 600 products in f64, in any order. */
const ofSums: Tolerance = { relative: 1e-13, floor: 'operands' };

const contents: [string, Tolerance, Draw][] = [
  ['whole numbers', 'exact', whole(-50, 50)],
  ['numbers of every size', ofSums, mixed],
];

const multiply: Case[] = contents.flatMap(([content, tolerance, draw]) => [
  ...[...sides, ...depths].map(
    ([m, rows, n]): Case => ({
      name: `multiply ${m}×${n} by ${rows}×${n}, ${content}`,
      tolerance,
      run(rig) {
        const y = rig.result64([m, rows]);
        rig.backend.multiply(y, rig.f64([m, n], draw), rig.f64([rows, n], draw));
        return [y];
      },
    }),
  ),
  {
    name: `multiply 67×9 by itself, ${content}`,
    tolerance,
    run(rig) {
      const [y, both] = [rig.result64([67, 67]), rig.f64([67, 9], draw)];
      rig.backend.multiply(y, both, both);
      return [y];
    },
  },
]);

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

/** Largest over smallest eigenvalue of a Gram matrix of so many random rows and its ridge, as Marchenko and Pastur have it. */
function condition(n: number, tokens: number, ridge: number): number {
  const edge = (sign: number) => (Math.sqrt(tokens) + sign * Math.sqrt(n)) ** 2;
  return (edge(1) + ridge) / ((tokens > n ? edge(-1) : 0) + ridge);
}

/** A few units in the last place of f64, magnified by the condition. */
const conditioned = (...matrix: [number, number, number]): Tolerance => ({
  relative: 2 ** -50 * condition(...matrix),
  floor: 'rms',
});

const forms: InverseForm[] = ['whole', 'factor'];

const invert: Case[] = forms.flatMap((form) =>
  ['apart', 'in place'].flatMap((aliasing) =>
    matrices.map(
      ([n, tokens, ridge]): Case => ({
        name: `invert ${form}, ${n}×${n} of rank ${Math.min(n, tokens)}, ridge ${ridge}, ${aliasing}`,
        tolerance: conditioned(n, tokens, ridge),
        async run(rig) {
          const matrix = rig.f64([n, n], gram(n, tokens));
          const out = aliasing === 'apart' ? rig.result64([n, n]) : matrix;
          await rig.backend.invert(out, matrix, ridge, form);
          return [out];
        },
      }),
    ),
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
  ...multiply,
  ...invert,
  ...eliminate('mixed scores', close, normal, uniform(0.5, 2), uniform(-0.1, 0.1)),
  ...eliminate('ties', 'exact', oneOf(-2, -1, -0.5, 0.5, 1, 0), oneOf(0.5, 1, 2), () => 0),
];
