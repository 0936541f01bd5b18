// From a sparsity to a count, truncated as published: the counts on narrow layers are part of the method.

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../backend/reference/reference.js';
import type { Target } from './allocation.js';
import { keptOfRow, type MaskPolicy, type Rounding, scaled, select } from './masks.js';

describe('keptOfRow', () => {
  it.each([
    [128, 0.7, 38], // 38.4: 90 of 128 go, where a mask with one sparsity for all rows removes 89
    [128, 0.5, 64],
    [10, 0.7, 3], // (1 − 0.7)·10 = 3.0000000000000004
    [10, 0.9, 0], // (1 − 0.9)·10 = 0.9999999999999998: truncated in double precision, as published
    [100, 0.99, 1],
    [352, 0.01, 348],
    [16, 0, 16],
  ])('of %i columns at %f keeps %i', (columns, sparsity, kept) => {
    expect(keptOfRow(columns, sparsity)).toBe(kept);
  });
});

describe('select', () => {
  const backend = createReferenceBackend();
  /** Zeros of each row of a 4 × 12 matrix of distinct weights. */
  const zeros = async (target: Target, kind: Pick<MaskPolicy, 'kind'>, rounding: Rounding = 'published') => {
    const weight = backend.allocate('f32', [4, 12]);
    backend.write(
      weight,
      Float32Array.from({ length: 48 }, (_, i) => ((i * 29) % 53) - 26.5),
    );
    const out = backend.allocate('f32', [4, 12]);
    const scores = { of: null, column: null, row: null };
    const policy = { ...kind, rounding } as MaskPolicy;
    select(backend, { rows: 4, columns: 12 }, target, policy, (s) => backend.mask(out, weight, scores, s));
    const values = await backend.read(out);
    return [0, 1, 2, 3].map((r) => values.subarray(r * 12, r * 12 + 12).filter((v) => v === 0).length);
  };

  it('removes floor(in·s) of every row', async () => {
    expect(await zeros(0.7, { kind: 'row' })).toEqual([8, 8, 8, 8]);
    expect(await zeros(0, { kind: 'row' })).toEqual([0, 0, 0, 0]);
  });

  it('keeps trunc((1 − s)·in) of a row with a sparsity of its own', async () => {
    expect(await zeros(Float64Array.of(0, 0.7, 0.5, 0.99), { kind: 'row' })).toEqual([0, 9, 6, 12]);
  });

  it('removes what is at most the ⌊numel·s⌋-th smallest of a layer', async () => {
    const counts = await zeros(0.5, { kind: 'layer' });
    expect(counts.reduce((a, b) => a + b)).toBe(25); // rank 24 counts from 0
    expect(new Set(counts).size).toBeGreaterThan(1);
  });

  const groups = { kind: 'n:m', m: 4 } as const;
  it('n of a group is its share of m', async () => {
    expect(await zeros(0.25, groups)).toEqual([3, 3, 3, 3]);
    expect(await zeros(0.75, groups)).toEqual([9, 9, 9, 9]);
    expect(await zeros(0, groups, 'exact')).toEqual([0, 0, 0, 0]);
  });

  it('exactly, a layer loses round(numel·s), whichever rows or weights they are', async () => {
    // 48·0.7 = 33.6: 8 of each row and one more of the first two.
    expect(await zeros(0.7, { kind: 'row' }, 'exact')).toEqual([9, 9, 8, 8]);
    expect((await zeros(0.7, { kind: 'layer' }, 'exact')).reduce((a, b) => a + b)).toBe(34);
    expect(await zeros(0, { kind: 'layer' }, 'exact')).toEqual([0, 0, 0, 0]);
    // 0 + 8.4 + 6 + 11.88 = 26.28: the .88 is rounded up.
    expect(await zeros(Float64Array.of(0, 0.7, 0.5, 0.99), { kind: 'row' }, 'exact')).toEqual([0, 8, 6, 12]);
  });

  it('of a part of a target is that of the part', async () => {
    expect(scaled(0.8, 0.5)).toBe(0.4);
    expect(scaled(Float64Array.of(0.8, 0.2), 0.5)).toEqual(Float64Array.of(0.4, 0.1));
  });
});
