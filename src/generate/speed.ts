// Tokens per second of a loaded model, as a user of it would see them: prefill of a prompt, then decoding.

import type { KeyDType } from '../backend/backend.js';
import { UsageError } from '../errors.js';
import type { Model } from '../models/model.js';
import { type LongRunning, safePoint } from '../progress.js';
import { SeededRandom } from './random.js';

export interface SpeedOptions extends LongRunning {
  promptTokens?: number | undefined;
  newTokens?: number | undefined;
  /** Measured runs, after one that is not; figures are their medians. */
  runs?: number | undefined;
  /** As of `generate`. */
  kvCache?: KeyDType | undefined;
}

export interface Speed {
  prefill: { tokens: number; tokensPerSecond: number };
  decode: { tokens: number; tokensPerSecond: number };
}

/** Medians over `runs`. The tokens are random: the time does not depend on which they are. */
export async function measureSpeed(model: Model, options: SpeedOptions = {}): Promise<Speed> {
  const { vocab_size, max_position_embeddings, longest_sequence } = model.config;
  const newTokens = options.newTokens ?? Math.min(64, Math.floor(max_position_embeddings / 2));
  const promptTokens = options.promptTokens ?? Math.min(512, Math.max(1, max_position_embeddings - newTokens));
  const runs = options.runs ?? 5;
  for (const [name, value] of Object.entries({ 'new-tokens': newTokens, 'prompt-tokens': promptTokens, runs }))
    if (!(Number.isInteger(value) && value >= 1)) throw new UsageError(`expected ${name} of 1 or more, got ${value}`);
  if (promptTokens + newTokens > longest_sequence)
    throw new UsageError(
      `expected prompt-tokens and new-tokens within the model's context of ${longest_sequence}, got ${promptTokens} + ${newTokens}`,
    );
  const random = new SeededRandom(0);
  const prompt = Array.from({ length: promptTokens }, () => Math.floor(random.next() * vocab_size));
  const prefill: number[] = [];
  const decode: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const cache = model.createCache(promptTokens + newTokens, options.kvCache);
    try {
      const started = performance.now();
      await model.next(cache, prompt, options.signal);
      const prefilled = performance.now();
      for (let i = 0; i < newTokens; i++) await model.next(cache, [prompt[i % promptTokens]], options.signal);
      if (run > 0) {
        prefill.push(promptTokens / (prefilled - started));
        decode.push(newTokens / (performance.now() - prefilled));
      }
    } finally {
      cache.free();
    }
    options.onProgress?.({ phase: 'generate', done: run + 1, total: runs + 1 });
    await safePoint(options.signal);
  }
  return {
    prefill: { tokens: promptTokens, tokensPerSecond: 1000 * median(prefill) },
    decode: { tokens: newTokens, tokensPerSecond: 1000 * median(decode) },
  };
}

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
