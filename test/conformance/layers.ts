// Cases of the layers, without attention and the elementwise operations: sizes that fill no vector, single rows, and
// sizes that are cut in chunks.

import { WEIGHTS_16 } from '../../src/tensor/weights16.js';
import { type Case, close, type Tolerance } from './case.js';
import { type Draw, listed, mixed, normal, uniform, whole } from './draws.js';
import type { Rig } from './rig.js';

/** Tokens, rows, columns of a weight. */
const linearSizes = [
  [1, 1, 1],
  [1, 3, 5],
  [3, 7, 1],
  [5, 5, 7],
  [2, 4, 8],
  [7, 13, 37],
  [1, 300, 513],
  [2, 300, 513],
  [3, 513, 300],
  [1, 512, 256],
  [1, 40, 24],
  [1, 300, 1040],
  [1, 760, 48],
  [3, 760, 40],
  [16, 64, 128],
  [257, 65, 131],
  [257, 300, 513],
];

/** Rows, columns. */
const sizes = [
  [1, 1],
  [1, 3],
  [3, 5],
  [7, 7],
  [2, 64],
  [1, 513],
  [300, 513],
];

const ofOperands: Tolerance = { relative: 1e-5, floor: 'operands' };
const ofElements: Tolerance = { relative: 1e-5, floor: 1e-7 };

const linear: Case[] = linearSizes.flatMap(([tokens, rows, columns]) =>
  [true, false].map((biased) => ({
    name: `linear ${tokens} tokens, ${rows}×${columns}${biased ? ', bias' : ''}`,
    tolerance: ofOperands,
    run(rig) {
      const x = rig.f32([tokens, columns], mixed);
      const weight = rig.f32([rows, columns], mixed);
      const y = rig.result([tokens, rows]);
      rig.backend.linear(y, x, weight, biased ? rig.f32([rows], mixed) : null);
      return [y];
    },
  })),
);

/** Weights from the smallest that f16 has to about a hundred times the usual. */
const small: Draw = (random, index) => normal(random, index) * 10 ** (6 * random() - 6);

const halfWeights: Case[] = linearSizes.flatMap(([tokens, rows, columns]) =>
  WEIGHTS_16.flatMap((dtype) =>
    [true, false].map((biased) => ({
      name: `linear ${tokens} tokens, ${rows}×${columns} of ${dtype}${biased ? ', bias' : ''}`,
      tolerance: ofOperands,
      run(rig) {
        const x = rig.f32([tokens, columns], mixed);
        const weight = rig[dtype]([rows, columns], small);
        const y = rig.result([tokens, rows]);
        rig.backend.linear(y, x, weight, biased ? rig.f32([rows], mixed) : null);
        return [y];
      },
    })),
  ),
);

const rowsOfLarger: Case = {
  name: 'linear on rows of larger tensors',
  tolerance: ofOperands,
  run(rig) {
    const [x, weight, bias, y] = [rig.f32([9, 11]), rig.f32([20, 11]), rig.f32([20]), rig.f32([6, 7])];
    rig.backend.linear(y.rows(1, 4), x.rows(5, 8), weight.rows(2, 9), bias.rows(2, 9));
    return [y];
  },
};

const partsOfFused: Case = {
  name: 'linear with the parts of a fused weight and bias, none aligned',
  tolerance: ofOperands,
  run(rig) {
    const parts = [41, 17, 78];
    const [x, weight, bias] = [rig.f32([5, 33]), rig.f32([136, 33]), rig.f32([136])];
    let row = 0;
    return parts.map((rows) => {
      const y = rig.result([5, rows]);
      rig.backend.linear(y, x, weight.rows(row, row + rows), bias.rows(row, row + rows));
      row += rows;
      return y;
    });
  },
};

const embed: Case[] = sizes.flatMap(([tokens, columns]) =>
  (['f32', ...WEIGHTS_16] as const).map((dtype) => ({
    name: `embed ${tokens} tokens of ${columns}, ${dtype}`,
    tolerance: 'exact',
    run(rig) {
      const y = rig.result([tokens, columns]);
      rig.backend.embed(y, rig.i32([tokens], whole(0, 310)), rig[dtype]([311, columns], small));
      return [y];
    },
  })),
);

/** Operands of a norm: with a weight, with a weight and a bias, with neither. */
const normOperands = [
  ['', (rig: Rig, n: number) => [rig.f32([n]), rig.f32([n])]],
  [', no weight', (rig: Rig, n: number) => [null, rig.f32([n])]],
  [', no bias', (rig: Rig, n: number) => [rig.f32([n]), null]],
  [', neither weight nor bias', () => [null, null]],
] as const;

const rmsNorm: Case[] = sizes.flatMap(([rows, columns]) =>
  [true, false].flatMap((inPlace) =>
    normOperands.slice(0, 2).map(([which, operands]) => ({
      name: `rmsNorm ${rows}×${columns}${which}${inPlace ? ', in place' : ''}`,
      tolerance: ofElements,
      run(rig: Rig) {
        const x = rig.f32([rows, columns], mixed);
        const y = inPlace ? x : rig.result([rows, columns]);
        rig.backend.rmsNorm(y, x, operands(rig, columns)[0], 1e-5);
        return [y];
      },
    })),
  ),
);

const rmsNormOfZeros: Case = {
  name: 'rmsNorm of zeros and of tiny values',
  tolerance: ofElements,
  run(rig) {
    const y = rig.result([3, 9]);
    rig.backend.rmsNorm(y, rig.f32([3, 9], listed(0, 0, 0, 0, 0, 0, 0, 0, 0, 1e-20, -1e-12)), rig.f32([9]), 1e-6);
    return [y];
  },
};

const layerNorm: Case[] = sizes.flatMap(([rows, columns]) =>
  [true, false].flatMap((inPlace) =>
    normOperands.map(([which, operands]) => ({
      name: `layerNorm ${rows}×${columns}${which}${inPlace ? ', in place' : ''}`,
      tolerance: close,
      run(rig: Rig) {
        const x = rig.f32([rows, columns], mixed);
        const y = inPlace ? x : rig.result([rows, columns]);
        const [weight, bias] = operands(rig, columns);
        rig.backend.layerNorm(y, x, weight, bias, 1e-5);
        return [y];
      },
    })),
  ),
);

/** The mean is thousands of deviations away, or there is no deviation: a sum of squares would lose everything. */
const layerNormsFarFromZero: Case[] = [
  ['around 10000', uniform(9999, 10001)],
  ['around −1e6, deviation 1', (random: () => number, i: number) => Math.round(-1e6 + normal(random, i))],
  ['of equal numbers', () => 1234.5678],
  ['of zeros', () => 0],
  ['of tiny values', (random: () => number, i: number) => 1e-20 * normal(random, i)],
].map(([what, draw]) => ({
  name: `layerNorm ${what}`,
  tolerance: close,
  run(rig) {
    const y = rig.result([5, 4099]);
    rig.backend.layerNorm(y, rig.f32([5, 4099], draw as Draw), rig.f32([4099]), rig.f32([4099]), 1e-5);
    return [y];
  },
}));

/** Queries and keys are normalised head by head: the rows are heads, and x and y are views of one tensor. */
const headNorms: Case[] = (['rmsNorm', 'layerNorm'] as const).map((operation) => ({
  name: `${operation} of every head of rows, in place`,
  tolerance: close,
  run(rig) {
    const [x, weight] = [rig.f32([7, 5 * 20], mixed), rig.f32([20])];
    const [from, to] = [x.reshape(7 * 5, 20), x.reshape(7 * 5, 20)];
    if (operation === 'rmsNorm') rig.backend.rmsNorm(to, from, weight, 1e-6);
    else rig.backend.layerNorm(to, from, weight, null, 1e-6);
    return [x];
  },
}));

/** Rows, heads, headDim, rotaryDim, start, period. */
const ropeShapes = [
  [1, 1, 2, 2, 0, 1],
  [1, 3, 4, 4, 11, 1],
  [3, 2, 6, 6, 0, 3],
  [6, 2, 12, 12, 2, 3],
  [7, 5, 20, 20, 1, 7],
  [12, 3, 64, 64, 5, 4],
  [5, 2, 80, 80, 30, 9],
  [257, 4, 32, 32, 7, 257],
  [3, 2, 3, 2, 0, 3],
  [4, 3, 7, 6, 3, 2],
  [6, 2, 20, 2, 1, 6],
  [5, 3, 80, 32, 9, 5],
  [257, 4, 64, 16, 7, 257],
];

const rope: Case[] = ropeShapes.map(([rows, heads, headDim, rotaryDim, start, period]) => ({
  name: `rope ${rows} rows, ${heads} heads of ${headDim}, of which ${rotaryDim} turn, from ${start}, period ${period}`,
  tolerance: close,
  run(rig) {
    const x = rig.f32([rows, heads * headDim]);
    const positions = [start + period, rotaryDim / 2];
    const [cos, sin] = [rig.f32(positions, uniform(-1, 1)), rig.f32(positions, uniform(-1, 1))];
    rig.backend.rope(x, cos, sin, { heads, headDim, rotaryDim, start, period });
    return [x];
  },
}));

export const layerCases = [
  ...linear,
  ...halfWeights,
  rowsOfLarger,
  partsOfFused,
  ...embed,
  ...rmsNorm,
  rmsNormOfZeros,
  ...layerNorm,
  ...layerNormsFarFromZero,
  ...headNorms,
  ...rope,
];
