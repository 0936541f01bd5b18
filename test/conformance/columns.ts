// Cases of matrices by columns: rows that fill no vector and more than a unit, tokens without a single number, with one to four
// of them, and with no 0 at all.

import { WEIGHTS_16 } from '../../src/tensor/weights16.js';
import type { Case, Tolerance } from './case.js';
import { type Draw, mixed, normal } from './draws.js';

/** Tokens, rows, columns. */
const sizes = [
  [1, 1, 1],
  [1, 3, 5],
  [3, 7, 1],
  [1, 8, 40],
  [2, 68, 257],
  [7, 13, 37],
  [1, 300, 513],
  [1, 2115, 33],
  [3, 2115, 33],
  [40, 130, 65],
  [257, 37, 70],
];

const ofOperands: Tolerance = { relative: 1e-5, floor: 'operands' };

/** What a relu leaves: a number now and then, and zeros of either sign. */
export const mostlyZero: Draw = (random, i) => (random() < 0.2 ? mixed(random, i) : random() < 0.5 ? -0 : 0);

const products: Case[] = sizes.flatMap(([tokens, rows, columns]) =>
  (['f32', ...WEIGHTS_16] as const).flatMap((dtype) =>
    [true, false].map((biased) => ({
      name: `linear ${tokens} tokens, ${rows}×${columns} by columns of ${dtype}${biased ? ', bias' : ''}`,
      tolerance: ofOperands,
      run(rig) {
        const [x, weight] = [rig.f32([tokens, columns], mostlyZero), rig.columns([rows, columns], dtype)];
        const y = rig.result([tokens, rows]);
        rig.backend.linear(y, x, weight, biased ? rig.f32([rows], mixed) : null);
        return [y];
      },
    })),
  ),
);

/** Token t has t numbers, and the last ones nothing but numbers. */
const counted: Draw = (random, i) => {
  const t = Math.floor(i / 21);
  return t > 9 || i % 21 < t ? normal(random, i) : 0;
};

const counts: Case = {
  name: 'linear of tokens with none, some and all columns, 19×21 by columns',
  tolerance: ofOperands,
  run(rig) {
    const [x, weight, y] = [rig.f32([12, 21], counted), rig.columns([19, 21], 'f32'), rig.result([12, 19])];
    rig.backend.linear(y, x, weight, rig.f32([19]));
    return [y];
  },
};

export const columnCases = [...products, counts];
