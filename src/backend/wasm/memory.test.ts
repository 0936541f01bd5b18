// What an operation takes for itself it gives back, also where it refuses an operand.

import { expect, it, vi } from 'vitest';
import { Arena } from './arena.js';
import { createWasmBackend } from './create.js';

it.each([1, 2])('leaves nothing behind where an operand has been freed, %i threads', async (threads) => {
  const backend = await createWasmBackend({ threads });
  const [x, y] = [backend.allocate('f32', [2, 64]), backend.allocate('f32', [2, 96])];
  const weight = backend.allocate('bf16', [96, 64]);
  backend.free(weight);
  const [taken, given] = [vi.spyOn(Arena.prototype, 'allocate'), vi.spyOn(Arena.prototype, 'free')];
  try {
    expect(() => backend.linear(y, x, weight, null)).toThrow('that has not been freed, got one that has');
    expect(given.mock.calls.length).toBe(taken.mock.calls.length);
  } finally {
    vi.restoreAllMocks();
    await backend.dispose();
  }
});
