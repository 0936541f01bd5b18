// Cases of the measures. Column sums are held to f64: in f32 the statistics of a long calibration would drift.

import { type Case, close, type Tolerance } from './case.js';
import { listed, mixed, normal, oneOf, whole } from './draws.js';

/** Rows, columns. */
const sizes = [
  [1, 1],
  [1, 7],
  [3, 5],
  [2, 64],
  [257, 37],
  [300, 513],
];

const addColumnSquares: Case[] = sizes.map(([rows, columns]) => ({
  name: `addColumnSquares ${rows}×${columns}, twice`,
  tolerance: { relative: 1e-12, floor: 0 },
  run(rig) {
    const sums = rig.f64([columns], (random) => random());
    rig.backend.addColumnSquares(sums, rig.f32([rows, columns], mixed));
    rig.backend.addColumnSquares(sums, rig.f32([rows + 2, columns], mixed));
    return [sums];
  },
}));

const addColumnSums: Case[] = sizes.map(([rows, columns]) => ({
  name: `addColumnSums ${rows}×${columns}, twice`,
  tolerance: { relative: 1e-12, floor: 'operands' },
  run(rig) {
    const sums = rig.f64([columns], (random) => random());
    rig.backend.addColumnSums(sums, rig.f32([rows, columns], mixed));
    rig.backend.addColumnSums(sums, rig.f32([rows + 2, columns], mixed));
    return [sums];
  },
}));

/** Blocks of 64 columns and of 120 tokens, and one more. */
const blocks = [
  [120, 64],
  [121, 128],
  [240, 129],
];

const addGram: Case[] = [...sizes, ...blocks].map(([rows, columns]) => ({
  name: `addGram ${rows}×${columns}, twice`,
  tolerance: close,
  run(rig) {
    const gram = rig.f64([columns, columns], normal);
    rig.backend.addGram(gram, rig.f32([rows, columns], normal));
    rig.backend.addGram(gram, rig.f32([rows + 2, columns], normal));
    return [gram];
  },
}));

/** Tokens, columns of a, columns of b. */
const pairs = [
  [1, 1, 1],
  [1, 7, 3],
  [3, 5, 70],
  [9, 6, 6],
  [257, 37, 9],
  [120, 64, 128],
  [121, 65, 1],
  [300, 129, 200],
];

const addCross: Case[] = pairs.flatMap(([rows, m, n]): Case[] => [
  {
    name: `addCross ${rows}×${m}, ${n}, twice`,
    tolerance: close,
    run(rig) {
      const out = rig.f64([m, n], normal);
      rig.backend.addCross(out, rig.f32([rows, m], normal), rig.f32([rows, n], normal));
      rig.backend.addCross(out, rig.f32([rows + 2, m], normal), rig.f32([rows + 2, n], normal));
      return [out];
    },
  },
  {
    name: `addCross ${rows}×${m} of one matrix`,
    tolerance: close,
    run(rig) {
      const [out, both] = [rig.f64([m, m], normal), rig.f32([rows, m], normal)];
      rig.backend.addCross(out, both, both);
      return [out];
    },
  },
]);

const logProbabilities: Case[] = [...sizes, [5, 32003]].map(([rows, columns]) => ({
  name: `logProbabilities ${rows}×${columns}`,
  tolerance: { relative: 1e-5, floor: 1 },
  run(rig) {
    const out = rig.result([rows]);
    const logits = rig.f32([rows, columns], (random, i) => 5 * normal(random, i));
    rig.backend.logProbabilities(out, logits, rig.i32([rows], whole(0, columns - 1)));
    return [out];
  },
}));

/** f32 noise of a logit of 1e4 is a thousandth. */
const ofLargeLogits: Tolerance = { relative: 1e-5, floor: 100 };

const extremes: Case[] = [
  {
    name: 'logProbabilities of logits to ±1e4',
    tolerance: ofLargeLogits,
    run(rig) {
      const out = rig.result([40]);
      const logits = rig.f32([40, 11], oneOf(-1e4, 1e4, 9999, 0, -9999));
      rig.backend.logProbabilities(out, logits, rig.i32([40], whole(0, 10)));
      return [out];
    },
  },
  {
    name: 'logProbabilities of equal logits',
    tolerance: close,
    run(rig) {
      const out = rig.result([3]);
      const logits = rig.f32([3, 13], (_, i) => [-1e4, 0, 1e4][Math.floor(i / 13)]);
      rig.backend.logProbabilities(out, logits, rig.i32([3], listed(0, 5, 12)));
      return [out];
    },
  },
];

export const measureCases = [
  ...addColumnSquares,
  ...addColumnSums,
  ...addGram,
  ...addCross,
  ...logProbabilities,
  ...extremes,
];
