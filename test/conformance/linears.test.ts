// Layers of one input: what they need made of it is made once, and each has the bits that it has alone.

import { describe, expect, it, vi } from 'vitest';
import { createWasmBackend } from '../../src/backend/wasm/create.js';
import type { Job, Team } from '../../src/backend/wasm/team.js';
import type { Matrix } from '../../src/tensor/sparse-matrix.js';
import { mixed } from './draws.js';
import { sparse } from './linears.js';
import { Rig } from './rig.js';

const COLUMNS = 45;

const makes = {
  dense: (rig: Rig, shape: number[]): Matrix => rig.bf16(shape),
  int8: (rig: Rig, shape: number[]): Matrix => rig.int8(shape),
  sparse: (rig: Rig, shape: number[]): Matrix => rig.sparse(shape, 'f32', sparse),
};
type Form = keyof typeof makes;

/** The kernels that `linears` ran, and what it and `linear` alone made of the same layers. */
async function multiplied(tokens: number, forms: Form[]) {
  const backend = await createWasmBackend({ threads: 1 });
  const rig = new Rig(backend, 7);
  try {
    const x = rig.f32([tokens, COLUMNS], mixed);
    const layers = forms.map((form, i) => {
      const rows = 20 + i;
      return { y: rig.result([tokens, rows]), weight: makes[form](rig, [rows, COLUMNS]), bias: rig.f32([rows]) };
    });
    const run = vi.spyOn((backend as unknown as { team: Team }).team, 'run');
    backend.linears(x, layers);
    const kernels = run.mock.calls.map(([job]: [Job]) => job.kernel);
    const together = await Promise.all(layers.map(({ y }) => backend.read(y)));
    for (const { y, weight, bias } of layers) {
      backend.fill(y, Number.NaN);
      backend.linear(y, x, weight, bias);
    }
    return { kernels, together, alone: await Promise.all(layers.map(({ y }) => backend.read(y))) };
  } finally {
    rig.clear();
    await backend.dispose();
  }
}

const ofSparse = (layers: number) => ['packTokens', ...Array(layers).fill('sparseLinear')];

describe('linears', () => {
  it.each<[string, number, Form[], string[]]>([
    ['rounds the input of int8 once', 1, ['int8', 'int8', 'int8'], ['quantizeTokens', ...Array(3).fill('int8Linear')]],
    ['packs the input of sparse layers once', 5, ['sparse', 'sparse', 'sparse'], ofSparse(3)],
    ['packs many tokens in turns', 1025, ['sparse', 'sparse'], [...ofSparse(2), ...ofSparse(2), ...ofSparse(2)]],
    ['packs nothing for few tokens', 3, ['sparse', 'sparse'], ['sparseVectors', 'sparseVectors']],
    [
      'shares where forms differ',
      40,
      ['sparse', 'int8', 'dense', 'sparse', 'int8'],
      [...ofSparse(2), 'quantizeTokens', 'int8Linear', 'int8Linear', 'linear'],
    ],
    ['does nothing for no layers', 40, [], []],
  ])('%s', async (_, tokens, forms, wanted) => {
    const { kernels, together, alone } = await multiplied(tokens, forms);
    expect(kernels).toEqual(wanted);
    expect(together).toEqual(alone);
    expect(together.flatMap((values) => [...values]).some(Number.isNaN)).toBe(false);
  });
});
