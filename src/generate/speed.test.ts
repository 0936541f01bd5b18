// The speed report: what it measures and reports, and what it turns down. The figures themselves belong to the benchmarks.

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../errors.js';
import { loadModel } from '../models/load-model.js';
import type { Model } from '../models/model.js';
import { measureSpeed } from './speed.js';

let model: Model;
beforeAll(async () => {
  model = await loadModel(undefined, { threads: 1 });
});
afterAll(() => model.dispose());

describe('measureSpeed', () => {
  it('keeps keys and values as asked', async () => {
    const made = vi.spyOn(model, 'createCache');
    await measureSpeed(model, { promptTokens: 4, newTokens: 2, runs: 1, kvCache: 'bf16' });
    expect(made.mock.results.map(({ value }) => value.dtype)).toEqual(['bf16', 'bf16']);
    made.mockRestore();
  });

  it('runs as often as asked, once more to warm up', async () => {
    const seen: string[] = [];
    const onProgress = ({ phase, done, total }: { phase: string; done: number; total: number }) =>
      seen.push(`${phase} ${done}/${total}`);
    const speed = await measureSpeed(model, { promptTokens: 20, newTokens: 5, runs: 2, onProgress });
    expect(seen).toEqual(['generate 1/3', 'generate 2/3', 'generate 3/3']);
    expect(speed).toEqual({
      prefill: { tokens: 20, tokensPerSecond: expect.any(Number) },
      decode: { tokens: 5, tokensPerSecond: expect.any(Number) },
    });
    for (const { tokensPerSecond } of Object.values(speed)) {
      expect(tokensPerSecond).toBeGreaterThan(0);
      expect(Number.isFinite(tokensPerSecond)).toBe(true);
    }
  });

  it('fills the context by default and no more', async () => {
    const { prefill, decode } = await measureSpeed(model, { runs: 1 });
    expect([prefill.tokens, decode.tokens]).toEqual([448, 64]);
  });

  it.each<[object, string]>([
    [{ promptTokens: 0 }, 'expected prompt-tokens of 1 or more, got 0'],
    [{ newTokens: 1.5 }, 'expected new-tokens of 1 or more, got 1.5'],
    [{ newTokens: 600 }, "expected prompt-tokens and new-tokens within the model's context of 512, got 1 + 600"],
    [{ runs: 0 }, 'expected runs of 1 or more, got 0'],
    [
      { promptTokens: 500, newTokens: 13 },
      "expected prompt-tokens and new-tokens within the model's context of 512, got 500 + 13",
    ],
  ])('refuses %o', async (options, message) => {
    const error = await measureSpeed(model, options).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(message);
  });

  it('stops when asked', async () => {
    await expect(measureSpeed(model, { runs: 1, signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });
});
