// Perplexity against its definition, computed from logits in plain loops; and what cannot be evaluated.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { tinyWindows } from '../../test/golden/tiny-llama.js';
import { DataError, UsageError } from '../errors.js';
import { loadModel } from '../models/load-model.js';
import type { Model } from '../models/model.js';
import type { Progress } from '../progress.js';
import { perplexity } from './perplexity.js';

let model: Model;
let home: string;
beforeAll(async () => {
  model = await loadModel(undefined, { threads: 1 });
  home = await folderWith();
});
afterAll(async () => {
  await model.dispose();
  await removeFolder(home);
});

async function file(name: string, content: unknown): Promise<string> {
  await writeFile(join(home, name), typeof content === 'string' ? content : JSON.stringify(content));
  return join(home, name);
}

/** Mean cross-entropy of the predictions inside one window, in f64. */
async function crossEntropy(ids: readonly number[]): Promise<number> {
  const logits = await model.logits(ids);
  let sum = 0;
  for (let t = 0; t + 1 < ids.length; t++) {
    const row = Array.from(logits.subarray(t * 512, (t + 1) * 512));
    const top = Math.max(...row);
    sum += top + Math.log(row.reduce((total, v) => total + Math.exp(v - top), 0)) - row[ids[t + 1]];
  }
  return sum / (ids.length - 1);
}

describe('perplexity', () => {
  it('is exp of the mean over windows, not over tokens', async () => {
    const windows = [...tinyWindows(1, 40, 3, 512), ...tinyWindows(1, 9, 4, 512)];
    const [long, short] = [await crossEntropy(windows[0]), await crossEntropy(windows[1])];
    const got = await perplexity(model, await file('windows.json', windows));
    expect(got.nll).toBeCloseTo((long + short) / 2, 4);
    expect(Math.abs(got.nll - (39 * long + 8 * short) / 47)).toBeGreaterThan(1e-3);
    expect(got.perplexity).toBe(Math.exp(got.nll));
    expect(got).toMatchObject({ windows: 2, tokens: 49, protocol: 'windows' });
  });

  it('of a text is that of its whole windows', async () => {
    const text = 'Once upon a time there was a little dog. He liked to run and play in the park all day.';
    const ids = (await model.tokenizer()).encode(text);
    const got = await perplexity(model, await file('text.txt', text), { seqLen: 10 });
    const count = Math.floor(ids.length / 10);
    expect(count).toBeGreaterThan(1);
    expect(got).toMatchObject({ windows: count, seqLen: 10, tokens: ids.length, protocol: 'text-10' });
    const ptb = await perplexity(model, `ptb=${await file('ptb.txt', text)}`, { seqLen: 10 });
    expect(ptb).toEqual({ ...got, protocol: 'wanda-10' });
    const protocolOf = async (source: string, limit?: number) =>
      (await perplexity(model, source, { seqLen: 10, limit })).protocol;
    expect(await protocolOf(join(home, 'text.txt'), count)).toBe('text-10');
    expect(await protocolOf(join(home, 'text.txt'), 1)).toBe(`text-10, 1 of ${count} windows`);
    expect(await protocolOf(`ptb=${join(home, 'ptb.txt')}`, 1)).toBe(`wanda-10, 1 of ${count} windows`);
    const c4 = (documents: number) => file('c4.jsonl', '"Once upon a time"\n'.repeat(documents));
    expect(await protocolOf(`c4=${await c4(1100)}`)).toBe('wanda-10');
    expect(await protocolOf(`c4=${await c4(20)}`)).toBe('wanda-10, 20 of 1100 documents');
    expect(await protocolOf(`c4=${await c4(20)}`, 2)).toMatch(/^wanda-10, 20 of 1100 documents, 2 of \d+ windows$/);
    const windows = await file('three.json', tinyWindows(3, 9, 4, 512));
    expect(await protocolOf(windows, 2)).toBe('windows, 2 of 3 windows');
    let nll = 0;
    for (let w = 0; w < count; w++) nll += (await crossEntropy(ids.slice(w * 10, w * 10 + 10))) / count;
    expect(got.nll).toBeCloseTo(nll, 4);
  });

  it('of many windows is the mean of each alone, and reports as it goes', async () => {
    const windows = tinyWindows(35, 200, 8, 512);
    const seen: Progress[] = [];
    const got = await perplexity(model, await file('many.json', windows), { onProgress: (p) => seen.push(p) });
    let nll = 0;
    for (const window of windows) nll += (await crossEntropy(window)) / 35;
    expect(got.nll).toBeCloseTo(nll, 4);
    const reports = seen.filter(({ phase }) => phase === 'evaluate');
    // As many windows as the model takes at once: 2048 tokens.
    expect(reports.map(({ done, total }) => `${done}/${total}`)).toEqual(['10/35', '20/35', '30/35', '35/35']);
    const ten = await perplexity(model, await file('ten.json', windows.slice(0, 10)));
    const notes = reports.map(({ note }) => note);
    expect(notes[0]).toBe(`perplexity ${ten.perplexity.toFixed(2)}`);
    expect(notes[3]).toBe(`perplexity ${got.perplexity.toFixed(2)}`);
  });

  it('uses as many windows as asked for', async () => {
    const windows = tinyWindows(5, 12, 8, 512);
    const two = await perplexity(model, await file('two.json', windows.slice(0, 2)));
    const limited = await perplexity(model, await file('five.json', windows), { limit: 2 });
    expect(limited).toEqual({ ...two, tokens: 60, protocol: 'windows, 2 of 5 windows' });
  });

  it('takes the embedded text and the longest window where nothing is said', async () => {
    const got = await perplexity(model, undefined, { limit: 1 });
    expect(got).toMatchObject({ windows: 1, seqLen: 512 });
    expect(got.perplexity).toBeGreaterThan(1);
    expect(got.perplexity).toBeLessThan(20);
  });

  it.each([0, 1, 513, 12.5, Number.NaN])('refuses a seq-len of %f', async (seqLen) => {
    const error = await perplexity(model, undefined, { seqLen }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(`expected a seq-len from 2 to 512 (the model's context), got ${seqLen}`);
  });

  it('refuses a window longer than the context', async () => {
    const path = await file('long.json', [Array(20).fill(1), Array(513).fill(1)]);
    await expect(perplexity(model, path)).rejects.toThrow(
      "expected windows of at most 512 tokens (the model's context), got 513 in window 1, in long.json",
    );
  });

  it('refuses a text of less than a window, and ids that the model does not have', async () => {
    const short = await perplexity(model, await file('short.txt', 'Hi'), { seqLen: 100 }).catch((e: unknown) => e);
    expect(short).toBeInstanceOf(DataError);
    expect((short as Error).message).toMatch(
      /^expected a text of at least 100 tokens \(one window\); give a longer text or a smaller --seq-len, got \d tokens, in short\.txt$/,
    );
    await expect(perplexity(model, await file('wild.json', [[1, 512]]))).rejects.toThrow(
      "expected token ids from 0 to 511 (the model's vocabulary), got 512, in wild.json, window 0",
    );
  });

  it('stops when asked', async () => {
    const windows = await file('stop.json', tinyWindows(40, 200, 8, 512));
    await expect(perplexity(model, windows, { signal: AbortSignal.abort(new Error('at once')) })).rejects.toThrow(
      'at once',
    );
    const stop = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ phase, done }: Progress) => {
      if (phase === 'evaluate') seen.push(done);
      if (phase === 'evaluate') stop.abort(new Error('on the way'));
    };
    await expect(perplexity(model, windows, { signal: stop.signal, onProgress })).rejects.toThrow('on the way');
    expect(seen).toEqual([10]);
  });
});
