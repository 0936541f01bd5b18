// A pass on sparse matrices gives back what it took, whether it succeeded or not.

import { expect, it } from 'vitest';
import { createReferenceBackend } from '../backend/reference/reference.js';
import { SparseMatrix } from '../tensor/sparse-matrix.js';
import { withSparse } from './sparse-pass.js';

it.each([false, true])('makes the named layers sparse for the pass alone, which fails: %s', async (fails) => {
  const backend = createReferenceBackend();
  const weights = new Map(
    ['a.weight', 'b.weight', 'norm.weight'].map((name) => [name, backend.allocate('f32', [2, 3])] as const),
  );
  let seen: Map<string, unknown> | undefined;
  const pass = withSparse(backend, weights, ['b'], async (all) => {
    seen = new Map(all);
    if (fails) throw new Error('stop');
    return 7;
  });
  if (fails) await expect(pass).rejects.toThrow('stop');
  else expect(await pass).toBe(7);
  const [a, b, norm] = ['a', 'b', 'norm'].map((name) => seen?.get(`${name}.weight`));
  expect([a, norm]).toEqual([weights.get('a.weight'), weights.get('norm.weight')]);
  expect(b).toBeInstanceOf(SparseMatrix);
  expect(() => backend.free(b as SparseMatrix)).toThrow('expected a live f32 tensor');
});
