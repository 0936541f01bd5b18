// Cases of the elementwise operations: every way in which operands may be one, and numbers far from 0.

import { ACTIVATIONS, type Activation, type Backend } from '../../src/backend/backend.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { type Case, close, type Tolerance } from './case.js';
import { listed, mixed, normal, uniform } from './draws.js';

/** Rows, columns: less than a vector, a part of a unit of 1024, several units and a part. */
const sizes = [
  [1, 1],
  [1, 3],
  [3, 5],
  [2, 64],
  [1, 513],
  [37, 129],
];

type F32 = Tensor<'f32'>;

/** What it is, how close, and the call. */
type Unary = [string, Tolerance, (backend: Backend, y: F32, x: F32) => void];
type Binary = [string, Tolerance, (backend: Backend, y: F32, first: F32, second: F32) => void];

const unary: Unary[] = [
  ...ACTIVATIONS.map((kind): Unary => [`activate ${kind}`, close, (backend, y, x) => backend.activate(y, x, kind)]),
  ['scale by 0.22', close, (backend, y, x) => backend.scale(y, x, 0.22)],
  ['scale by −1.5', 'exact', (backend, y, x) => backend.scale(y, x, -1.5)],
  ['softcap 0.5', close, (backend, y, x) => backend.softcap(y, x, 0.5)],
  ['softcap 30', close, (backend, y, x) => backend.softcap(y, x, 30)],
];

const binary: Binary[] = [
  ...ACTIVATIONS.map((kind): Binary => [`gate ${kind}`, close, (backend, y, g, u) => backend.gate(y, g, u, kind)]),
  ['add', 'exact', (backend, y, a, b) => backend.add(y, a, b)],
  ['add 1 times', 'exact', (backend, y, a, b) => backend.add(y, a, b, 1)],
  ['add −0.3 times', close, (backend, y, a, b) => backend.add(y, a, b, -0.3)],
];

/** Ties to either side, what just is none, what rounds up to the next power of two or to infinity, subnormal and special numbers. */
const toRound = [
  ...[
    1 + 2 ** -8,
    1 + 3 * 2 ** -8,
    1 + 2 ** -8 + 2 ** -23,
    1 + 3 * 2 ** -8 - 2 ** -23,
    2 - 2 ** -9,
    3.4028234e38,
    3.39e38,
  ],
  ...[
    -0.1,
    0,
    -0,
    1e-40,
    -9.2e-41,
    2 ** -133,
    3 * 2 ** -134,
    Infinity,
    -Infinity,
    Number.NaN,
    1e-3,
    -7.3,
    123456.789,
    1 / 3,
  ],
];

const narrowCases: Case[] = sizes.flatMap((size) =>
  [mixed, listed(...toRound)].map((draw, i) => ({
    name: `narrow ${size.join('×')}, ${i ? 'at the edges' : 'of any size'}`,
    tolerance: 'exact',
    run(rig) {
      const y = rig.tensor('bf16', size, () => 0x7fc1);
      rig.backend.narrow(y, rig.f32(size, draw));
      return [y];
    },
  })),
);

const unaryCases: Case[] = unary.flatMap(([name, tolerance, call]) =>
  sizes.flatMap((size) =>
    ['apart', 'in place'].map((aliasing) => ({
      name: `${name}, ${size.join('×')}, ${aliasing}`,
      tolerance,
      run(rig) {
        const x = rig.f32(size, uniform(-9, 9));
        const y = aliasing === 'apart' ? rig.result(size) : x;
        call(rig.backend, y, x);
        return [y];
      },
    })),
  ),
);

const binaryCases: Case[] = binary.flatMap(([name, tolerance, call]) =>
  sizes.flatMap((size) =>
    ['apart', 'y is the first', 'y is the second', 'all one'].map((aliasing) => ({
      name: `${name}, ${size.join('×')}, ${aliasing}`,
      tolerance,
      run(rig) {
        const first = rig.f32(size, uniform(-9, 9));
        const second = aliasing === 'all one' ? first : rig.f32(size);
        const y = aliasing === 'apart' ? rig.result(size) : aliasing === 'y is the second' ? second : first;
        call(rig.backend, y, first, second);
        return [y];
      },
    })),
  ),
);

const far = [1e4, -1e4, 0, -0, 88, -88, 89, -89, 104, -104, 1e-30, -1e-30, 20, -20, 3e38, -3e38, 13.2, -13.2, 13.4];

const extremes: Case[] = ACTIVATIONS.map((kind: Activation) => ({
  name: `gate ${kind} of numbers far from 0`,
  tolerance: { relative: 1e-6, floor: 1e-6 },
  run(rig) {
    const y = rig.result([5, 19]);
    const up = rig.f32([5, 19], (random, i) => Math.tanh(normal(random, i)));
    rig.backend.gate(y, rig.f32([5, 19], listed(...far)), up, kind);
    return [y];
  },
}));

const softcapOfAll: Case = {
  name: 'softcap of numbers of every size',
  tolerance: { relative: 5e-7, floor: 0 },
  run(rig) {
    const y = rig.result([7, 511]);
    rig.backend.softcap(y, rig.f32([7, 511], mixed), 2.5);
    return [y];
  },
};

export const elementwiseCases: Case[] = [...narrowCases, ...unaryCases, ...binaryCases, ...extremes, softcapOfAll];
