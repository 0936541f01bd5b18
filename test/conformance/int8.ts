// Cases of weights of int8, which tokens of int16 meet: sizes that fill no vector and no stretch of exact sums, tokens and rows
// of zeros, and sums as large as they can be.

import type { Case, Tolerance } from './case.js';
import { type Draw, listed, mixed, normal, whole } from './draws.js';

/** Tokens, rows, columns. */
const sizes = [
  [1, 1, 1],
  [1, 3, 5],
  [3, 7, 1],
  [2, 4, 8],
  [7, 13, 37],
  [1, 300, 513],
  [2, 300, 520],
  [3, 513, 300],
  [1, 33, 1040],
  [1, 760, 48],
  [3, 760, 40],
  [16, 64, 128],
  [17, 68, 1031],
  [257, 65, 131],
  [300, 37, 513],
];

const ofOperands: Tolerance = { relative: 1e-6, floor: 'operands' };

const products: Case[] = sizes.flatMap(([tokens, rows, columns]) =>
  [true, false].map((biased) => ({
    name: `linear ${tokens} tokens, ${rows}×${columns} of int8${biased ? ', bias' : ''}`,
    tolerance: ofOperands,
    run(rig) {
      const [x, weight] = [rig.f32([tokens, columns], mixed), rig.int8([rows, columns], mixed)];
      const y = rig.result([tokens, rows]);
      rig.backend.linear(y, x, weight, biased ? rig.f32([rows], mixed) : null);
      return [y];
    },
  })),
);

/** Every second row of 37 is 0. */
const gaps: Draw = (random, i) => (Math.floor(i / 37) % 2 ? 0 : normal(random, i));

const zeros: Case = {
  name: 'linear of tokens of zeros and rows of zeros of int8',
  tolerance: ofOperands,
  run(rig) {
    const [x, weight, y] = [rig.f32([6, 37], gaps), rig.int8([9, 37], gaps), rig.result([6, 9])];
    rig.backend.linear(y, x, weight, rig.f32([9]));
    return [y];
  },
};

const largest: Case[] = [1, 2].map((tokens) => ({
  name: `linear of ${tokens} tokens and int8, all products as large as they can be`,
  tolerance: ofOperands,
  run(rig) {
    const [x, weight] = [rig.f32([tokens, 1100], listed(-3)), rig.int8([5, 1100], listed(2, 2, 2, 2))];
    const y = rig.result([tokens, 5]);
    rig.backend.linear(y, x, weight, null);
    return [y];
  },
}));

const parts: Case = {
  name: 'linear with the parts of a fused weight of int8, none aligned',
  tolerance: ofOperands,
  run(rig) {
    const [x, weight, bias] = [rig.f32([5, 33]), rig.int8([136, 33]), rig.f32([136])];
    let row = 0;
    return [41, 17, 78].map((rows) => {
      const y = rig.result([5, rows]);
      rig.backend.linear(y, x, weight.rows(row, row + rows), bias.rows(row, row + rows));
      row += rows;
      return y;
    });
  },
};

const embed: Case[] = [1, 5, 513].map((columns) => ({
  name: `embed 7 tokens of ${columns}, int8`,
  tolerance: { relative: 1e-7, floor: 1e-30 },
  run(rig) {
    const y = rig.result([7, columns]);
    rig.backend.embed(y, rig.i32([7], whole(0, 50)), rig.int8([51, columns], mixed));
    return [y];
  },
}));

export const int8Cases = [...products, zeros, ...largest, parts, ...embed];
