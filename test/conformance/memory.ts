// Cases of the memory operations: all dtypes survive the way there and back, and views touch only what they show.

import type { DType } from '../../src/tensor/dtype.js';
import type { Case } from './case.js';
import { type Draw, mixed, oneOf, whole } from './draws.js';

const draws: Record<DType, Draw> = {
  f32: mixed,
  bf16: whole(0, 0x7f7f),
  f16: whole(0x400, 0x7bff),
  i8: whole(-128, 127),
  f64: (random, i) => mixed(random, i) * 1e200,
  i32: whole(-(2 ** 31), 2 ** 31 - 1),
};
const dtypes: DType[] = ['f32', 'bf16', 'f16', 'i8', 'f64', 'i32'];
const lengths = [1, 3, 7, 64, 1025];

const eachLength = (name: string, run: (dtype: DType, length: number) => Case['run']): Case[] =>
  dtypes.flatMap((dtype) =>
    lengths.map((length) => ({ name: `${name} ${dtype} of ${length}`, tolerance: 'exact', run: run(dtype, length) })),
  );

export const memoryCases: Case[] = [
  ...eachLength('write and read', (dtype, length) => (rig) => [rig.tensor(dtype, [length], draws[dtype])]),

  ...eachLength('fill', (dtype, length) => (rig) => {
    const tensor = rig.tensor(dtype, [length], draws[dtype]);
    rig.backend.fill(tensor, -2.5 * (dtype === 'i32' || dtype === 'i8' ? 2 : 1));
    return [tensor];
  }),

  {
    name: 'fill of rows leaves the other rows alone',
    tolerance: 'exact',
    run(rig) {
      const tensor = rig.f32([9, 13]);
      rig.backend.fill(tensor.rows(3, 6), 0);
      return [tensor];
    },
  },
  {
    name: 'special values of f32 survive',
    tolerance: 'exact',
    run: (rig) => [rig.f32([64], oneOf(0, -0, Infinity, -Infinity, Number.NaN, 2 ** -149, 3.4028234663852886e38))],
  },
];
