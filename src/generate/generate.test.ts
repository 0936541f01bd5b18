// Generation with the embedded model: against its own logits, and the ways in which a text can end.

import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { embeddedFolder } from '../checkpoint/embedded.js';
import { UsageError } from '../errors.js';
import { loadModel } from '../models/load-model.js';
import type { Model } from '../models/model.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { generate } from './generate.js';

const prompt = 'Once upon a time there was a little';
const greedy = { temperature: 0 };
let model: Model;
let tokenizer: Tokenizer;
beforeAll(async () => {
  model = await loadModel(undefined, { threads: 1, deterministic: true });
  tokenizer = await model.tokenizer();
});
afterAll(() => model.dispose());

describe('generate', () => {
  it('takes the likeliest token at temperature 0, step by step', async () => {
    const { tokens, promptTokens, text, finishReason } = await generate(model, prompt, { ...greedy, maxTokens: 24 });
    expect(promptTokens).toEqual(tokenizer.encode(prompt));
    const ids = [...promptTokens];
    for (let i = 0; i < 24; i++) {
      const last = (await model.logits(ids)).slice(-512);
      ids.push(last.indexOf(Math.max(...last)));
    }
    expect(tokens).toEqual(ids.slice(promptTokens.length));
    expect(prompt + text).toBe(tokenizer.decode(ids));
    expect(finishReason).toBe('length');
  });

  it('keeps keys and values as asked, of f32 where nothing is', async () => {
    const made = vi.spyOn(model, 'createCache');
    for (const kvCache of [undefined, 'f32', 'bf16'] as const)
      await generate(model, prompt, { ...greedy, maxTokens: 2, kvCache });
    expect(made.mock.results.map(({ value }) => value.dtype)).toEqual(['f32', 'f32', 'bf16']);
    made.mockRestore();
  });

  it('with the same seed gives the same text, with another one another', async () => {
    const text = async (seed?: number) => (await generate(model, prompt, { seed, maxTokens: 32 })).text;
    const first = await text(5);
    expect(await text(5)).toBe(first);
    expect(await text(6)).not.toBe(first);
    expect(await text()).toBe(await text(0));
  });

  it('hands out pieces that make up the text', async () => {
    for (const stop of [[], ['was', 'a b']]) {
      const pieces: string[] = [];
      const { text } = await generate(model, prompt, {
        seed: 3,
        maxTokens: 60,
        stop,
        onText: (piece) => pieces.push(piece),
      });
      expect(pieces.join('')).toBe(text);
      expect(pieces).not.toContain('');
      expect(pieces.length).toBeGreaterThan(1);
    }
  });

  it('stops before a stop text, wherever it lies in the tokens', async () => {
    const { text } = await generate(model, prompt, { ...greedy, maxTokens: 40 });
    for (const stop of [text.slice(9, 12), text.slice(13, 25), text[0], text.slice(0, 7)]) {
      const cut = await generate(model, prompt, { ...greedy, maxTokens: 40, stop: ['never this', stop] });
      expect(cut.text).toBe(text.slice(0, text.indexOf(stop)));
      expect(cut.finishReason).toBe('stop');
      expect(cut.tokens.length).toBeLessThan(40);
    }
  });

  it('a stop text that only begins is handed out in the end', async () => {
    const { text } = await generate(model, prompt, { ...greedy, maxTokens: 12 });
    const got = await generate(model, prompt, { ...greedy, maxTokens: 12, stop: [`${text.slice(-3)}#`] });
    expect(got).toMatchObject({ text, finishReason: 'length' });
  });

  it('ends with a token that ends texts, of which nothing is seen', async () => {
    const { tokens } = await generate(model, prompt, { ...greedy, maxTokens: 20 });
    const end = tokens[11];
    const home = await folderWith();
    await cp(embeddedFolder, join(home, 'model'), { recursive: true });
    await writeFile(join(home, 'model', 'generation_config.json'), JSON.stringify({ eos_token_id: [0, end] }));
    const other = await loadModel(join(home, 'model'), { threads: 1, deterministic: true });
    const got = await generate(other, prompt, { ...greedy, maxTokens: 20 });
    const expected = tokens.slice(0, tokens.indexOf(end) + 1);
    expect(got.tokens).toEqual(expected);
    expect(got.finishReason).toBe('stop');
    const shown = [...got.promptTokens, ...expected.slice(0, -1)];
    expect(prompt + got.text).toBe(tokenizer.decode(shown));
    await other.dispose();
    await removeFolder(home);
  });

  it('of no tokens is no text', async () => {
    expect(await generate(model, prompt, { maxTokens: 0 })).toMatchObject({
      text: '',
      tokens: [],
      finishReason: 'length',
    });
  });

  it('ends where the context of the model does', async () => {
    const ids = Array.from({ length: 800 }, () => 'dog').join(' ');
    let words = 1;
    while (tokenizer.encode(ids.slice(0, 4 * (words + 1))).length <= 505) words++;
    const long = ids.slice(0, 4 * words);
    const { tokens, promptTokens, finishReason } = await generate(model, long, { ...greedy, maxTokens: 100 });
    expect(promptTokens.length).toBeGreaterThan(495);
    expect(promptTokens.length + tokens.length).toBe(512);
    expect(finishReason).toBe('length');

    const full = tokenizer.encode(ids).length;
    const error = await generate(model, ids).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(
      `expected a prompt of fewer than 512 tokens (the model's context), got ${full}`,
    );
  });

  it.each<[object, string]>([
    [{ maxTokens: -1 }, 'expected max-tokens of 0 or more, got -1'],
    [{ maxTokens: 1.5 }, 'expected max-tokens of 0 or more, got 1.5'],
    [{ temperature: -1 }, 'expected a temperature of 0 or more, got -1'],
    [{ topP: 0 }, 'expected a top-p above 0 and at most 1, got 0'],
    [{ stop: [''] }, 'expected a stop text of at least one character, got an empty one'],
    [{ seed: -1 }, 'expected a seed from 0 to 9007199254740991 (a whole number), got -1'],
  ])('refuses %o', async (options, message) => {
    const error = await generate(model, prompt, options).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(message);
  });

  it('stops when asked, with the reason', async () => {
    const stop = new AbortController();
    const pieces: string[] = [];
    const onText = (piece: string) => {
      pieces.push(piece);
      if (pieces.length === 3) stop.abort(new Error('enough'));
    };
    await expect(generate(model, prompt, { ...greedy, maxTokens: 400, signal: stop.signal, onText })).rejects.toThrow(
      'enough',
    );
    expect(pieces).toHaveLength(3);
    const reason = { any: 'value' };
    for (const maxTokens of [0, 5])
      await expect(generate(model, prompt, { maxTokens, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    // The model is as good as before.
    expect((await generate(model, prompt, { ...greedy, maxTokens: 3 })).tokens).toHaveLength(3);
  });

  it('penalises repetition: a heavy penalty says no token twice', async () => {
    const { tokens, promptTokens } = await generate(model, prompt, {
      ...greedy,
      maxTokens: 20,
      repetitionPenalty: 1e6,
    });
    expect(new Set([...promptTokens, ...tokens]).size).toBe(new Set(promptTokens).size + tokens.length);
  });
});
