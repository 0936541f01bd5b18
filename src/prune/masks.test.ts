// From a sparsity to a count, truncated as published: the counts on narrow layers are part of the method.

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../backend/reference/reference.js';
import type { Target } from './allocation.js';
import { applyMask, keptOfRow, type MaskPolicy } from './masks.js';

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

describe('applyMask', () => {
  const backend = createReferenceBackend();
  /** Zeros of each row of a 4 × 12 matrix of distinct weights. */
  const zeros = async (target: Target, policy: MaskPolicy) => {
    const weight = backend.allocate('f32', [4, 12]);
    backend.write(
      weight,
      Float32Array.from({ length: 48 }, (_, i) => ((i * 29) % 53) - 26.5),
    );
    const out = backend.allocate('f32', [4, 12]);
    applyMask(backend, out, weight, null, { rows: 4, columns: 12 }, target, policy);
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

  it('n:m looks at the pattern alone', async () => {
    expect(await zeros(0.9, { kind: 'n:m', n: 1, m: 4 })).toEqual([3, 3, 3, 3]);
  });
});
