// The mask on thousands of small random matrices full of ties: whatever way a backend selects, it must take exactly
// the entries that the reference takes by sorting.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, type Selection, TIES } from '../../src/backend/backend.js';
import { createReferenceBackend } from '../../src/backend/reference/reference.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { candidates } from './backends.js';

type Rows = Extract<Selection, { kind: 'rows' }>;

/** A selection whose kept counts are still plain numbers. */
type Plan = Exclude<Selection, Rows> | (Omit<Rows, 'keep'> & { keep: number[] });

interface Matrix {
  rows: number;
  columns: number;
  weight: number[];
  of: number[] | null;
  column: number[] | null;
  row: number[] | null;
  plan: Plan;
}

const values = fc.oneof(
  fc.constantFrom(0, -0, 0.5, -0.5, 1, -1),
  fc.float({ min: -4, max: 4, noNaN: true }),
  fc.constantFrom(2 ** -149, -(2 ** -149), 2 ** -126, 1e30, -1e30),
);
const factors = fc.oneof(fc.constantFrom(0, 0.5, 1, 2, 2 ** -100), fc.float({ min: 0, max: 4, noNaN: true }));
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
      fc.record({
        kind: fc.constant('rows' as const),
        keep: list(fc.integer({ min: 0, max: columns }), rows),
        ties: fc.constantFrom(...TIES),
      }),
      fc.record({ kind: fc.constant('layer' as const), rank: fc.integer({ min: 0, max: rows * columns - 1 }) }),
      fc.record({ kind: fc.constant('count' as const), prune: fc.integer({ min: 0, max: rows * columns }) }),
      fc.record({ kind: fc.constant('n:m' as const), n: fc.integer({ min: 0, max: m }), m: fc.constant(m) }),
    );
    return fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      weight: list(values, rows * columns),
      of: fc.option(list(values, rows * columns)),
      column: fc.option(list(factors, columns)),
      row: fc.option(list(factors, rows)),
      plan,
    });
  });

async function masked(backend: Backend, { rows, columns, weight, of, column, row, plan }: Matrix) {
  const used: Tensor[] = [];
  const f32 = (numbers: number[], ...shape: number[]) => {
    const tensor = backend.allocate('f32', shape);
    backend.write(tensor, Float32Array.from(numbers));
    used.push(tensor);
    return tensor;
  };
  const keep = backend.allocate('i32', [rows]);
  used.push(keep);
  if (plan.kind === 'rows') backend.write(keep, Int32Array.from(plan.keep));
  const w = f32(weight, rows, columns);
  const by = {
    of: of && f32(of, rows, columns),
    column: column && f32(column, columns),
    row: row && f32(row, rows),
  };
  backend.mask(w, w, by, plan.kind === 'rows' ? { ...plan, keep } : plan);
  const result = await backend.read(w);
  for (const tensor of used) backend.free(tensor);
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
