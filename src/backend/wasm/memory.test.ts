// What an operation takes for itself it gives back, also where it refuses an operand.

import { expect, it, vi } from 'vitest';
import { Int8Matrix } from '../../tensor/int8-matrix.js';
import { Arena } from './arena.js';
import { createWasmBackend } from './create.js';

it.each([1, 2])('leaves nothing behind where an operand has been freed, %i threads', async (threads) => {
  const backend = await createWasmBackend({ threads });
  const [x, y, z] = [64, 96, 96].map((columns) => backend.allocate('f32', [5, columns]));
  const dense = backend.allocate('f32', [96, 64]);
  backend.fill(dense, 0.5);
  const int8 = () => new Int8Matrix(backend.allocate('i8', [96, 64]), backend.allocate('f32', [96]));
  const makes = [() => backend.allocate('bf16', [96, 64]), () => backend.compress(dense, 'f32'), int8];
  try {
    for (const make of makes) {
      const [weight, freed] = [make(), make()];
      backend.free(freed);
      const [taken, given] = [vi.spyOn(Arena.prototype, 'allocate'), vi.spyOn(Arena.prototype, 'free')];
      const multiply = () =>
        backend.linears(
          x,
          [weight, freed].map((weight, i) => ({ y: [y, z][i], weight, bias: null })),
        );
      expect(multiply).toThrow('that has not been freed, got one that has');
      expect(given.mock.calls.length).toBe(taken.mock.calls.length);
      vi.restoreAllMocks();
    }
  } finally {
    vi.restoreAllMocks();
    await backend.dispose();
  }
});
