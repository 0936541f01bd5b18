// Cases of the steps of a weight update: patterns of every density, and numbers that f32 adds exactly.

import type { Case, Tolerance } from './case.js';
import { type Draw, normal, oneOf, whole } from './draws.js';

/** Rows, columns: less than a vector, a part of a unit of 1024, several units and a part. */
const sizes = [
  [1, 1],
  [1, 3],
  [3, 5],
  [2, 64],
  [1, 513],
  [37, 129],
];

const patterns: Record<string, Draw> = {
  some: oneOf(0, 1),
  none: oneOf(0, -0),
  all: () => 1,
};

/** Roundings of sums of a few normal numbers, which may cancel. */
const rounded: Tolerance = { relative: 1e-6, floor: 4 };

const numbers: [string, Draw, Tolerance, number][] = [
  ['whole numbers', whole(-50, 50), 'exact', 0.5],
  ['normal numbers', normal, rounded, 1],
  ['normal numbers', normal, rounded, 0.3],
];

export const updateCases: Case[] = sizes.flatMap(([rows, columns]) =>
  Object.entries(patterns).flatMap(([kept, pattern]) =>
    numbers.map(
      ([content, draw, tolerance, rho]): Case => ({
        name: `admmStep of ${rows}×${columns}, ${kept} kept, ${content}, rho = ${rho}, twice`,
        tolerance,
        run(rig) {
          const [u, x, b] = [0, 1, 2].map(() => rig.f32([rows, columns], draw));
          const mask = rig.f32([rows, columns], pattern);
          const [first, second] = [rig.result([rows, columns]), rig.result([rows, columns])];
          rig.backend.admmStep(first, u, x, b, mask, rho);
          rig.backend.admmStep(second, u, first, b, mask, rho);
          return [u, first, second];
        },
      }),
    ),
  ),
);
