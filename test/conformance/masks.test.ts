// The mask on thousands of small random matrices full of ties: whatever way a backend selects, it must take exactly
// the entries that the reference takes by sorting.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, Selection } from '../../src/backend/backend.js';
import { createReferenceBackend } from '../../src/backend/reference/reference.js';
import { candidates } from './backends.js';

/** A selection whose kept counts are still plain numbers. */
type Plan = Exclude<Selection, { kind: 'rows' }> | { kind: 'rows'; keep: number[] };

interface Matrix {
  rows: number;
  columns: number;
  weight: number[];
  scale: number[] | null;
  plan: Plan;
}

const values = fc.oneof(
  fc.constantFrom(0, -0, 0.5, -0.5, 1, -1),
  fc.float({ min: -4, max: 4, noNaN: true }),
  fc.constantFrom(2 ** -149, -(2 ** -149), 2 ** -126, 1e30, -1e30),
);
const scales = fc.oneof(fc.constantFrom(0, 0.5, 1, 2, 2 ** -100), fc.float({ min: 0, max: 4, noNaN: true }));
const list = (value: fc.Arbitrary<number>, length: number) => fc.array(value, { minLength: length, maxLength: length });

const matrices: fc.Arbitrary<Matrix> = fc
  .record({
    rows: fc.integer({ min: 1, max: 6 }),
    m: fc.integer({ min: 1, max: 9 }),
    groups: fc.integer({ min: 1, max: 5 }),
  })
  .chain(({ rows, m, groups }) => {
    const columns = m * groups;
    const plan: fc.Arbitrary<Plan> = fc.oneof(
      fc.record({ kind: fc.constant('row' as const), prune: fc.integer({ min: 0, max: columns }) }),
      fc.record({ kind: fc.constant('rows' as const), keep: list(fc.integer({ min: 0, max: columns }), rows) }),
      fc.record({ kind: fc.constant('layer' as const), rank: fc.integer({ min: 0, max: rows * columns - 1 }) }),
      fc.record({ kind: fc.constant('n:m' as const), n: fc.integer({ min: 0, max: m }), m: fc.constant(m) }),
    );
    return fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      weight: list(values, rows * columns),
      scale: fc.option(list(scales, columns)),
      plan,
    });
  });

async function masked(backend: Backend, { rows, columns, weight, scale, plan }: Matrix): Promise<Float32Array> {
  const w = backend.allocate('f32', [rows, columns]);
  const s = backend.allocate('f32', [columns]);
  const keep = backend.allocate('i32', [rows]);
  backend.write(w, Float32Array.from(weight));
  if (scale) backend.write(s, Float32Array.from(scale));
  if (plan.kind === 'rows') backend.write(keep, Int32Array.from(plan.keep));
  backend.mask(w, w, scale && s, plan.kind === 'rows' ? { kind: 'rows', keep } : plan);
  const result = await backend.read(w);
  for (const tensor of [w, s, keep]) backend.free(tensor);
  return result;
}

for (const { name, create, skip } of candidates) {
  describe.skipIf(skip !== undefined)(name, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await create();
    });
    afterAll(() => backend?.dispose());

    it('takes what the reference takes', async () => {
      const reference = createReferenceBackend();
      const property = fc.asyncProperty(matrices, async (matrix) => {
        expect(await masked(backend, matrix)).toEqual(await masked(reference, matrix));
      });
      await fc.assert(property, { numRuns: 500, seed: 1 });
    });
  });
}
