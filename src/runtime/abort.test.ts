// Loads that are stopped or refused: an abort is heard wherever one waits, and no stream is left behind that nobody reads.

import { describe, expect, it } from 'vitest';
import { filesOf, tinyFiles } from '../../test/model-files.js';
import { embeddedFolder } from '../checkpoint/embedded.js';
import { UsageError } from '../errors.js';
import { type FileContent, generate, loadModel, type ModelFiles, type RuntimeOptions } from './index.js';

describe('aborted', () => {
  const files = tinyFiles();

  it('before it begins', async () => {
    const reason = new Error('enough');
    await expect(loadModel(files, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('while a stream waits, which is cancelled', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    let cancelled = false;
    const waiting = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(files['model.safetensors'].slice(0, 9000)),
      pull: () => new Promise(() => setTimeout(() => stop.abort(reason), 20)),
      cancel: () => {
        cancelled = true;
      },
    });
    const given = { 'config.json': files['config.json'], 'model.safetensors': waiting };
    await expect(loadModel(given, { signal: stop.signal })).rejects.toBe(reason);
    expect(cancelled).toBe(true);
  });
});

describe('aborted while nothing comes', () => {
  const files = tinyFiles();
  const never = () => new Promise<never>(() => {});
  const reason = new Error('enough');
  const soon = () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), 20);
    return stop.signal;
  };

  it.each<[string, ModelFiles, RuntimeOptions]>([
    ['kernels', files, { kernels: never }],
    ['a file', { ...files, 'config.json': never }, {}],
    [
      'bytes of a stream, but one empty piece after another',
      { ...files, 'model.safetensors': new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(0)) }) },
      {},
    ],
  ])('%s', async (_, given, options) => {
    await expect(loadModel(given, { ...options, signal: soon() })).rejects.toBe(reason);
  });

  it('a tokenizer', async () => {
    const embedded = await filesOf(embeddedFolder);
    const model = await loadModel({ ...embedded, 'tokenizer.json': never });
    await expect(generate(model, 'One', { signal: soon() })).rejects.toBe(reason);
    await model.dispose();
  });

  it('a tokenizer that failed once is asked for again', async () => {
    const embedded = await filesOf(embeddedFolder);
    let calls = 0;
    const tokenizer = async () => {
      if (++calls === 1) throw new Error('busy');
      return embedded['tokenizer.json'];
    };
    const model = await loadModel({ ...embedded, 'tokenizer.json': tokenizer });
    await expect(generate(model, 'One', { maxTokens: 1 })).rejects.toThrow('busy');
    expect((await generate(model, 'One', { maxTokens: 1 })).tokens).toHaveLength(1);
    await model.dispose();
  });
});

const reasonOf = (signal: AbortSignal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener('abort', () => resolve(signal.reason));
  });

it('wrong options are refused before any file is asked for', async () => {
  let asked = 0;
  const given = { 'config.json': () => new Uint8Array(asked++) };
  for (const options of [{ kernels: 'text' }, { threads: -1 }, { backend: 'gpu' }, { values: 'int4' }, null])
    await expect(loadModel(given, options as unknown as RuntimeOptions)).rejects.toBeInstanceOf(UsageError);
  expect(asked).toBe(0);
});

describe('what nobody reads any more is cancelled', () => {
  const files = tinyFiles();
  const cancelling = (note: () => void) => new ReadableStream<Uint8Array>({ cancel: note });

  it('a stream of weights behind a config.json that is none', async () => {
    let cancelled = 0;
    const weights = cancelling(() => cancelled++);
    const given = { 'config.json': new Uint8Array(3), 'model.safetensors': weights };
    await expect(loadModel(given)).rejects.toThrow('expected a file of valid JSON');
    await expect.poll(() => cancelled).toBe(1);
  });

  it('a stream, and a promise that fails, beside an option that is wrong', async () => {
    let cancelled = 0;
    const weights = cancelling(() => cancelled++);
    const given = { 'config.json': Promise.reject(new Error('lost')), 'model.safetensors': weights };
    await expect(loadModel(given, { threads: 0 })).rejects.toThrow('expected threads from 1 to 128, got 0');
    await expect.poll(() => cancelled).toBe(1);
  });

  it('a stream that a function gives when the load has been aborted', async () => {
    let cancelled = 0;
    let give = (_: FileContent) => {};
    const late = () => new Promise<Uint8Array>((resolve) => (give = resolve as typeof give));
    const signal = AbortSignal.timeout(10);
    await expect(loadModel({ 'config.json': late }, { signal })).rejects.toBe(await reasonOf(signal));
    give(cancelling(() => cancelled++));
    await expect.poll(() => cancelled).toBe(1);
  });

  it('the body of an answer that says no', async () => {
    let cancelled = 0;
    const refusal = new Response(
      cancelling(() => cancelled++),
      { status: 403 },
    );
    const given = { 'config.json': files['config.json'], 'model.safetensors': refusal };
    await expect(loadModel(given)).rejects.toThrow('403');
    await expect.poll(() => cancelled).toBe(1);
  });

  it('a promise that fails while another file is read is an error of the load, and of nothing else', async () => {
    const config = () => new Promise<Uint8Array>((resolve) => setTimeout(() => resolve(files['config.json']), 30));
    const given = { 'config.json': config, 'model.safetensors': Promise.reject(new Error('lost')) };
    await expect(loadModel(given)).rejects.toThrow('got lost, in model.safetensors');
  });
});
