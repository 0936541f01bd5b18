// Text generation: prefill the prompt, then one token at a time through the KV cache, handed out as text as soon as it
// is final.

import type { KeyDType } from '../backend/backend.js';
import { UsageError } from '../errors.js';
import type { Model } from '../models/model.js';
import { safePoint, unlessAborted } from '../progress.js';
import { TextStream } from '../text/text-stream.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { SeededRandom } from './random.js';
import { type SamplingOptions, sample, samplingOptions } from './sampling.js';
import { StopTexts } from './stop.js';

export interface GenerateOptions extends Partial<SamplingOptions> {
  /** New tokens at most; 128. */
  maxTokens?: number | undefined;
  /** Texts at which to stop; they are not part of the result. */
  stop?: readonly string[] | undefined;
  /** Of the sampling; the same seed gives the same text. */
  seed?: number | undefined;
  /** What keys and values are kept as: f32; bf16 takes half the memory, is read faster, and rounds them. */
  kvCache?: KeyDType | undefined;
  signal?: AbortSignal | undefined;
  /** Called with each piece of text as it becomes final. */
  onText?: ((text: string) => void) | undefined;
}

export interface Generation {
  /** The new text. */
  text: string;
  promptTokens: number[];
  /** New token ids; one that ends the text included. */
  tokens: number[];
  /** `stop`: an end-of-text token or a stop text; `length`: the limit, or the model's context, was reached. */
  finishReason: 'stop' | 'length';
  seconds: { prefill: number; decode: number };
}

/**
 * Continues a prompt.
 * @throws UsageError for options that make no sense or a prompt that fills the model's context
 */
export async function generate(model: Model, prompt: string, options: GenerateOptions = {}): Promise<Generation> {
  options.signal?.throwIfAborted();
  const tokenizer = await unlessAborted(model.tokenizer(), options.signal);
  return continueTokens(model, tokenizer, tokenizer.encode(prompt), model.generationConfig.eos_token_id, options);
}

/**
 * Continues a prompt that is already in tokens.
 * @param endIds any of these ends the text
 * @throws UsageError as `generate`
 */
export async function continueTokens(
  model: Pick<Model, 'config' | 'createCache' | 'next'>,
  tokenizer: Pick<Tokenizer, 'decode' | 'isSpecial'>,
  promptTokens: number[],
  endIds: Iterable<number>,
  options: GenerateOptions,
): Promise<Generation> {
  const { maxTokens = 128, stop = [], seed = 0, signal, onText } = options;
  signal?.throwIfAborted();
  const sampling = samplingOptions(options);
  if (!(Number.isInteger(maxTokens) && maxTokens >= 0))
    throw new UsageError(`expected max-tokens of 0 or more, got ${maxTokens}`);
  const context = model.config.longest_sequence;
  if (promptTokens.length === 0) throw new UsageError('expected a prompt of at least one token, got an empty one');
  if (promptTokens.length >= context)
    throw new UsageError(
      `expected a prompt of fewer than ${context} tokens (the model's context), got ${promptTokens.length}`,
    );
  const limit = Math.min(maxTokens, context - promptTokens.length);
  const ends = new Set(endIds);
  const random = new SeededRandom(seed);
  const stream = new TextStream(tokenizer, { context: promptTokens });
  const stops = new StopTexts(stop);
  const tokens: number[] = [];
  const history = [...promptTokens];
  let text = '';
  const hand = (piece: string) => {
    if (piece === '') return;
    text += piece;
    onText?.(piece);
  };
  let finishReason: Generation['finishReason'] = 'length';
  const cache = model.createCache(promptTokens.length + limit, options.kvCache);
  try {
    const started = performance.now();
    let logits = await model.next(cache, promptTokens, signal);
    const prefilled = performance.now();
    while (tokens.length < limit) {
      const id = sample(logits, sampling, random, history);
      tokens.push(id);
      history.push(id);
      if (ends.has(id)) {
        finishReason = 'stop';
        break;
      }
      hand(stops.push(stream.push(id)));
      if (stops.found) {
        finishReason = 'stop';
        break;
      }
      await safePoint(signal);
      if (tokens.length < limit) logits = await model.next(cache, [id], signal);
    }
    if (!stops.found) hand(stops.push(stream.end()));
    hand(stops.end());
    const ended = performance.now();
    const seconds = { prefill: (prefilled - started) / 1000, decode: (ended - prefilled) / 1000 };
    return { text, promptTokens, tokens, finishReason, seconds };
  } finally {
    cache.free();
  }
}
