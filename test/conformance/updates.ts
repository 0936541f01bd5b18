// Cases of the steps of a weight update: patterns of every density, numbers that add exactly, and scores whose rounding to
// f32 hangs on digits far beyond it.

import type { Case, Tolerance } from './case.js';
import { type Draw, mixed, normal, oneOf, whole } from './draws.js';

/** Rows, columns: less than a vector, a part of a unit of 1024, one unit and 1 more, several units and a part. */
const sizes = [
  [1, 1],
  [1, 3],
  [3, 5],
  [2, 64],
  [1, 513],
  [25, 41],
  [37, 129],
];

const patterns: Record<string, Draw> = {
  some: oneOf(0, 1),
  none: oneOf(0, -0),
  all: () => 1,
};

/** Roundings of f64 sums of a few normal numbers, which may cancel. */
const rounded: Tolerance = { relative: 1e-14, floor: 4 };

const numbers: [string, Draw, Tolerance, number][] = [
  ['whole numbers', whole(-50, 50), 'exact', 0.5],
  ['normal numbers', normal, rounded, 1],
  ['normal numbers', normal, rounded, 0.3],
];

/** 1 and the next numbers of f32, and what lies halfway between them. */
const nearHalf = oneOf(1, 1 + 2 ** -24, 1 + 2 ** -23, 1 + 3 * 2 ** -24, -1 - 2 ** -24);
const tiny = oneOf(0, 2 ** -50, -(2 ** -50), 2 ** -24, -(2 ** -24));

const summands: [string, Draw, Draw][] = [
  ['normal numbers', normal, normal],
  ['numbers of every size', mixed, mixed],
  ['numbers halfway between two of f32', nearHalf, tiny],
  ['numbers beyond f32', oneOf(1e39, -1e39, 1), oneOf(-1e39, 1, 1e-60)],
];

const scores: Case[] = sizes.flatMap((size) =>
  summands.map(
    ([content, ofX, ofU]): Case => ({
      name: `admmScores of ${size.join('×')}, ${content}`,
      tolerance: 'exact',
      run(rig) {
        const out = rig.result(size);
        rig.backend.admmScores(out, rig.f64(size, ofX), rig.f64(size, ofU));
        return [out];
      },
    }),
  ),
);

const steps: Case[] = sizes.flatMap(([rows, columns]) =>
  Object.entries(patterns).flatMap(([kept, pattern]) =>
    numbers.map(
      ([content, draw, tolerance, rho]): Case => ({
        name: `admmStep of ${rows}×${columns}, ${kept} kept, ${content}, rho = ${rho}, twice`,
        tolerance,
        run(rig) {
          const [u, x, b] = [0, 1, 2].map(() => rig.f64([rows, columns], draw));
          const mask = rig.f32([rows, columns], pattern);
          const [first, second] = [rig.result64([rows, columns]), rig.result64([rows, columns])];
          rig.backend.admmStep(first, u, x, b, mask, rho);
          rig.backend.admmStep(second, u, first, b, mask, rho);
          return [u, first, second];
        },
      }),
    ),
  ),
);

const ofManyShapes: Case = {
  name: 'admmStep and admmScores of one size in many shapes',
  tolerance: rounded,
  run(rig) {
    const [right, u] = [rig.result64([6, 7]), rig.f64([42])];
    rig.backend.admmStep(right, u, rig.f64([7, 6]), rig.f64([2, 21]), rig.f32([3, 2, 7], oneOf(0, 1)), 1.5);
    const scores = rig.result([21, 2]);
    rig.backend.admmScores(scores, rig.f64([42]), rig.f64([6, 7]));
    return [right, u, scores];
  },
};

export const updateCases: Case[] = [...scores, ...steps, ofManyShapes];
