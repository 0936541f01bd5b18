// Cases of the layers, without attention: sizes that fill no vector, single rows, and sizes that are cut in chunks.

import { type Case, close, type Tolerance } from './case.js';
import { listed, mixed, normal, uniform, whole } from './draws.js';

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

const rowsOfLarger: Case = {
  name: 'linear on rows of larger tensors',
  tolerance: ofOperands,
  run(rig) {
    const [x, weight, bias, y] = [rig.f32([9, 11]), rig.f32([20, 11]), rig.f32([20]), rig.f32([6, 7])];
    rig.backend.linear(y.rows(1, 4), x.rows(5, 8), weight.rows(2, 9), bias.rows(2, 9));
    return [y];
  },
};

const embed: Case[] = sizes.map(([tokens, columns]) => ({
  name: `embed ${tokens} tokens of ${columns}`,
  tolerance: 'exact',
  run(rig) {
    const y = rig.result([tokens, columns]);
    rig.backend.embed(y, rig.i32([tokens], whole(0, 310)), rig.f32([311, columns], mixed));
    return [y];
  },
}));

const rmsNorm: Case[] = sizes.flatMap(([rows, columns]) =>
  [true, false].map((inPlace) => ({
    name: `rmsNorm ${rows}×${columns}${inPlace ? ', in place' : ''}`,
    tolerance: ofElements,
    run(rig) {
      const x = rig.f32([rows, columns], mixed);
      const y = inPlace ? x : rig.result([rows, columns]);
      rig.backend.rmsNorm(y, x, rig.f32([columns]), 1e-5);
      return [y];
    },
  })),
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

/** Rows, heads, headDim, start, period. */
const ropeShapes = [
  [1, 1, 2, 0, 1],
  [1, 3, 4, 11, 1],
  [3, 2, 6, 0, 3],
  [6, 2, 12, 2, 3],
  [7, 5, 20, 1, 7],
  [12, 3, 64, 5, 4],
  [5, 2, 80, 30, 9],
  [257, 4, 32, 7, 257],
];

const rope: Case[] = ropeShapes.map(([rows, heads, headDim, start, period]) => ({
  name: `rope ${rows} rows, ${heads} heads of ${headDim}, from ${start}, period ${period}`,
  tolerance: close,
  run(rig) {
    const x = rig.f32([rows, heads * headDim]);
    const positions = [start + period, headDim / 2];
    const [cos, sin] = [rig.f32(positions, uniform(-1, 1)), rig.f32(positions, uniform(-1, 1))];
    rig.backend.rope(x, cos, sin, { heads, headDim, start, period });
    return [x];
  },
}));

const elementwise: Case[] = (['siluGate', 'add'] as const).flatMap((operation) =>
  sizes.flatMap((size) =>
    ['apart', 'y is the first', 'y is the second', 'all one'].map((aliasing) => ({
      name: `${operation} ${size.join('×')}, ${aliasing}`,
      tolerance: close,
      run(rig) {
        const first = rig.f32(size, uniform(-9, 9));
        const second = aliasing === 'all one' ? first : rig.f32(size);
        const y = aliasing === 'apart' ? rig.result(size) : aliasing === 'y is the second' ? second : first;
        rig.backend[operation](y, first, second);
        return [y];
      },
    })),
  ),
);

const extremeGates: Case = {
  name: 'siluGate of gates far from 0',
  tolerance: { relative: 1e-5, floor: 1e-2 },
  run(rig) {
    const gate = rig.f32([5, 7], listed(1e4, -1e4, 0, -0, 88, -88, 89, -89, 104, -104, 1e-30, -1e-30, 20, -20, 3e38));
    const y = rig.result([5, 7]);
    rig.backend.siluGate(
      y,
      gate,
      rig.f32([5, 7], (random, i) => Math.tanh(normal(random, i))),
    );
    return [y];
  },
};

export const layerCases = [
  ...linear,
  rowsOfLarger,
  ...embed,
  ...rmsNorm,
  rmsNormOfZeros,
  ...rope,
  ...elementwise,
  extremeGates,
];
