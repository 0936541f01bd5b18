// A model from everything that has its files: what comes out is what the folder gives, whatever the order in which tensors
// lie there and the pieces in which a stream comes; and every byte of a stream is taken once.

import { readdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { f32, folderWith, half, removeFolder, safetensors, type TestTensor } from '../../test/checkpoint-fixture.js';
import { models, valuesOf } from '../../test/golden/tiny-families.js';
import { lehmer, stored, tinyConfig, tinyTensors, tinyWindows } from '../../test/golden/tiny-llama.js';
import { embeddedFolder } from '../checkpoint/embedded.js';
import { CheckpointError, UsageError } from '../errors.js';
import { convert } from '../models/convert.js';
import { loadModel as loadFolder } from '../models/load-model.js';
import type { Model } from '../models/model.js';
import { prune } from '../prune/prune.js';
import { type FileContent, generate, loadModel, type ModelFiles, type RuntimeOptions } from './index.js';
import { loadModel as loadInline } from './inline.js';

const [ids] = tinyWindows(1, 11);
const folders: string[] = [];
let server: Server;
let url: URL;
/** What the server has, and what it was asked for. */
const served = new Map<string, { bytes: Uint8Array; type?: string; status?: number; cut?: number }>();
const asked: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const name = new URL(request.url as string, 'http://here').pathname.slice('/model/'.length);
    asked.push(name);
    const file = served.get(name);
    response.writeHead(file?.status ?? (file ? 200 : 404), file?.type ? { 'content-type': file.type } : {});
    if (file?.cut === undefined) response.end(file?.bytes);
    else response.write(file.bytes.subarray(0, file.cut), () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/model`);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
});
afterEach(async () => {
  served.clear();
  asked.length = 0;
  for (const folder of folders.splice(0)) await removeFolder(folder);
});

const filesOf = async (folder: string): Promise<Record<string, Uint8Array>> =>
  Object.fromEntries(
    await Promise.all((await readdir(folder)).map(async (name) => [name, await readFile(join(folder, name))] as const)),
  );

/** A stream in pieces of random lengths, which tells how often it was read to its end. */
function streamOf(bytes: Uint8Array, seed = 1, longest = 5000): ReadableStream<Uint8Array> {
  const random = lehmer(seed);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      const length = Math.floor(random() * longest);
      controller.enqueue(bytes.slice(at, at + length));
      at += length;
    },
  });
}

const asStreams = (files: Record<string, Uint8Array>, seed?: number, longest?: number): ModelFiles =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, streamOf(bytes, seed, longest)]));

async function logitsOf(source: Parameters<typeof loadModel>[0], options: RuntimeOptions = {}): Promise<Float32Array> {
  const model = await loadModel(source, { deterministic: true, ...options });
  try {
    return await model.logits(ids);
  } finally {
    await model.dispose();
  }
}

async function folderLogits(files: Record<string, Uint8Array | string>, options = {}): Promise<Float32Array> {
  folders.push(await folderWith(files));
  const model = await loadFolder(folders.at(-1), { threads: 1, deterministic: true, ...options });
  try {
    return await model.logits(ids);
  } finally {
    await model.dispose();
  }
}

/** The files of a model of a few thousand weights. */
function tinyFiles(config: object = tinyConfig, tensors?: Record<string, TestTensor>) {
  const all = tensors ?? storedTensors();
  return { 'config.json': Buffer.from(JSON.stringify(config)), 'model.safetensors': safetensors(all) };
}
const storedTensors = (dtype: 'F32' | 'BF16' = 'F32', config = tinyConfig) =>
  Object.fromEntries(
    Object.entries(tinyTensors(config, 3, dtype === 'BF16')).map(([name, t]) => [name, stored(t, dtype)]),
  );

/** The same in another order. */
function shuffled<T>(record: Record<string, T>, seed: number): Record<string, T> {
  const random = lehmer(seed);
  return Object.fromEntries(
    Object.entries(record)
      .map((entry) => ({ entry, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ entry }) => entry),
  );
}

/** Tensors in that many shards, with their index. */
function sharded(tensors: Record<string, TestTensor>, shards: number): Record<string, Uint8Array> {
  const entries = Object.entries(tensors);
  const files: Record<string, Uint8Array> = {};
  const weight_map: Record<string, string> = {};
  for (let s = 0; s < shards; s++) {
    const part = entries.filter((_, i) => i % shards === s);
    const name = `model-0000${s + 1}-of-0000${shards}.safetensors`;
    files[name] = safetensors(Object.fromEntries(part));
    for (const [tensor] of part) weight_map[tensor] = name;
  }
  return { ...files, 'model.safetensors.index.json': Buffer.from(JSON.stringify({ weight_map })) };
}

describe('the embedded model', () => {
  const prompt = 'Once upon a time';
  const written = async (model: Model) => {
    const { text } = await generate(model, prompt, { maxTokens: 8, temperature: 0 });
    await model.dispose();
    return text;
  };
  let expected: string;
  let files: Record<string, Uint8Array>;
  beforeAll(async () => {
    expected = await written(await loadFolder(undefined, { threads: 1 }));
    files = await filesOf(embeddedFolder);
  });

  it.each<[string, () => Parameters<typeof loadModel>[0]]>([
    ['nothing', () => undefined],
    ['a folder', () => embeddedFolder],
    ['a URL of a folder', () => pathToFileURL(embeddedFolder)],
    ['bytes', () => files],
    ['ArrayBuffers', () => mapped((bytes) => new Uint8Array(bytes).buffer)],
    ['Blobs', () => mapped((bytes) => new Blob([new Uint8Array(bytes)]))],
    ['Responses', () => mapped((bytes) => new Response(new Uint8Array(bytes)))],
    ['streams', () => asStreams(files, 5, 100_000)],
    ['promises', () => mapped(async (bytes) => new Response(new Uint8Array(bytes)))],
    ['functions', () => mapped((bytes) => () => Promise.resolve(streamOf(bytes, 5, 100_000)))],
  ])('from %s', async (_, source) => {
    expect(await written(await loadModel(source()))).toBe(expected);
    expect(await written(await loadInline(source()))).toBe(expected);
  });
  const mapped = (content: (bytes: Uint8Array) => FileContent): ModelFiles =>
    Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, content(bytes)]));

  it('from a server, which is asked for the tokenizer when it is needed', async () => {
    for (const [name, bytes] of Object.entries(files)) served.set(name, { bytes });
    const model = await loadModel(url);
    expect(asked.filter((name) => name.startsWith('token'))).toEqual([]);
    expect(asked.filter((name) => name === 'model.safetensors')).toHaveLength(1);
    expect(await written(model)).toBe(expected);
    expect(asked).toContain('tokenizer.json');
    expect(await written(await loadModel(url.href))).toBe(expected);
  });

  it('says what it is', async () => {
    const seen: number[][] = [];
    const model = await loadModel(asStreams(files), { onProgress: ({ done, total }) => seen.push([done, total]) });
    const total = model.config.num_hidden_layers;
    expect(seen).toEqual(Array.from({ length: total }, (_, i) => [i + 1, total]));
    expect(model.source).toBe('the given files');
    expect(model.bytes).toBe(files['model.safetensors'].length);
    expect(model.engine).toEqual({ backend: 'wasm', simd: expect.any(String), threads: 1 });
    await model.dispose();
  });
});

describe('a stream is read once, in the order of the file', () => {
  it.each(Object.entries(models))('%s', async (_, { config, tensors }) => {
    const all = Object.fromEntries(
      Object.entries(tensors).map(([name, spec]) => [name, f32(spec.shape, valuesOf(spec))]),
    );
    const files = tinyFiles(config, all);
    const expected = await folderLogits(files);
    for (const seed of [1, 2]) {
      const other = tinyFiles(config, shuffled(all, seed));
      expect(await logitsOf(asStreams(other, seed))).toEqual(expected);
    }
  });

  it('whatever the order, the pieces and the shards', async () => {
    const tensors = storedTensors('BF16');
    const expected = await folderLogits(tinyFiles(tinyConfig, tensors));
    const config = Buffer.from(JSON.stringify(tinyConfig));
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.integer({ min: 1, max: 6 }), fc.constantFrom(3, 100, 10_000), async (...of) => {
        const [seed, shards, longest] = of;
        const files = { 'config.json': config, ...sharded(shuffled(tensors, seed), shards) };
        const opened: string[] = [];
        const given = Object.fromEntries(
          Object.entries(files).map(([name, bytes]) => [
            name,
            () => {
              opened.push(name);
              return streamOf(bytes, seed, longest);
            },
          ]),
        );
        expect(await logitsOf(given)).toEqual(expected);
        // Of many shards each is opened for its header, and again when its turn comes.
        const opens = shards > 4 ? 2 : 1;
        for (const name of Object.keys(files).filter((name) => name.endsWith('.safetensors')))
          expect(opened.filter((n) => n === name)).toHaveLength(opens);
      }),
      { numRuns: 25 },
    );
  });

  it('and tensors that the model has not are passed over', async () => {
    const tensors = storedTensors();
    const expected = await folderLogits(tinyFiles(tinyConfig, tensors));
    const more = { ...tensors, 'model.layers.0.self_attn.rotary_emb.inv_freq': f32([4], [1, 2, 3, 4]) };
    for (const seed of [1, 2, 3]) {
      const files = tinyFiles(tinyConfig, shuffled(more, seed));
      expect(await logitsOf(asStreams(files, seed))).toEqual(expected);
    }
  });

  it('f16 that memory cannot hold in 16 bits, known only when the first rows are in, becomes f32', async () => {
    const tensors = storedTensors();
    const name = 'model.embed_tokens.weight';
    const patterns = Array.from({ length: 40 * 16 }, (_, i) => (i === 600 ? 0x5640 : 0x3000 + (i % 512)));
    const files = tinyFiles(tinyConfig, { ...tensors, [name]: half('F16', [40, 16], patterns) });
    expect(await logitsOf(asStreams(files))).toEqual(await folderLogits(files));
  });

  it.each(['int8', 'stored'] as const)('with values %s, and preferring size', async (values) => {
    const files = tinyFiles();
    const options = { values, prefer: 'size' as const };
    expect(await logitsOf(asStreams(files), options)).toEqual(await folderLogits(files, options));
  });
});

describe('sparse weights', () => {
  it.each([
    ['bf16', {}],
    ['int8', { values: 'int8' as const }],
  ])('come as a stream: %s', async (_, options) => {
    const home = await folderWith();
    folders.push(home);
    const [dense, sparse] = [join(home, 'dense'), join(home, 'sparse')];
    const pruning = { samples: 2, seqLen: 32, deterministic: true, threads: 1, topUp: 'uniform' as const };
    await prune({ ...pruning, sparsity: 0.7, out: dense });
    await convert({ model: dense, out: sparse, format: 'sparse', ...options });
    const files = await filesOf(sparse);
    const expected = await logitsOf(sparse);
    for (const longest of [1000, 1_000_000]) expect(await logitsOf(asStreams(files, 3, longest))).toEqual(expected);
    for (const [name, bytes] of Object.entries(files)) served.set(name, { bytes });
    expect(await logitsOf(url)).toEqual(expected);
  });
});

describe('one tensor under two names', () => {
  const config = { ...tinyConfig, tie_word_embeddings: true };
  const tensors = storedTensors('F32', config);
  const embedding = tensors['model.embed_tokens.weight'];

  it('is the same tensor', async () => {
    const expected = await folderLogits(tinyFiles(config, tensors));
    for (const seed of [1, 2, 3, 4]) {
      const files = tinyFiles(config, shuffled({ ...tensors, 'lm_head.weight': embedding }, seed));
      expect(await logitsOf(asStreams(files, seed))).toEqual(expected);
    }
  });

  it('in two shards, of which one is a stream and one in memory', async () => {
    const expected = await folderLogits(tinyFiles(config, tensors));
    const shards = sharded({ ...tensors, 'lm_head.weight': embedding }, 2);
    const said = { 'config.json': Buffer.from(JSON.stringify(config)) };
    const [one, two] = Object.keys(shards).filter((name) => name.endsWith('.safetensors'));
    for (const name of [one, two])
      expect(await logitsOf({ ...said, ...shards, [name]: streamOf(shards[name]) })).toEqual(expected);
  });

  it('or is refused', async () => {
    const bytes = embedding.bytes.slice();
    bytes[70] ^= 1;
    for (const seed of [1, 2, 3]) {
      const all = shuffled({ ...tensors, 'lm_head.weight': { ...embedding, bytes } }, seed);
      await expect(logitsOf(asStreams(tinyFiles(config, all), seed))).rejects.toThrow(
        'expected model.embed_tokens.weight and lm_head.weight to be the same, as config.json says ' +
          '(or tie_word_embeddings false there), got two that differ, in the given files',
      );
    }
  });
});

describe('what is not a whole model', () => {
  const files = tinyFiles();
  const whole = files['model.safetensors'];
  const last = 'tensor "lm_head.weight"';
  const refused = async (source: unknown, options?: RuntimeOptions): Promise<Error> => {
    const error = await loadModel(source as ModelFiles, options).then(
      () => new Error('loaded'),
      (e: Error) => e,
    );
    return error;
  };
  const message = async (given: object) => (await refused({ 'config.json': files['config.json'], ...given })).message;

  it.each<[string, object, string]>([
    [
      'no weights',
      {},
      'expected weights in model.safetensors, or in shards with model.safetensors.index.json, got none of these files, in the given files',
    ],
    [
      'weights of PyTorch',
      { 'pytorch_model.bin': new Uint8Array(10) },
      'expected weights in model.safetensors; "neuroal convert" writes the model again, got only "pytorch_model.bin", which is not read here, in the given files',
    ],
    [
      'an empty stream',
      { 'model.safetensors': streamOf(new Uint8Array(0)) },
      'expected data up to byte 8, got a stream that ends at 0; download the file again, in model.safetensors',
    ],
    [
      'a stream that ends early',
      { 'model.safetensors': streamOf(whole.subarray(0, whole.length - 5)) },
      `expected data up to byte ${whole.length}, got a stream that ends at ${whole.length - 5}; download the file again, in model.safetensors, ${last}`,
    ],
    [
      'a stream that goes on',
      { 'model.safetensors': streamOf(Buffer.concat([whole, Buffer.from('x')])) },
      `expected ${whole.length} bytes, as the header says; download the file again, got more, in model.safetensors`,
    ],
    [
      'bytes that end early',
      { 'model.safetensors': whole.subarray(0, whole.length - 5) },
      'expected data_offsets in order within the 31675 bytes of data; download the file again, got [29120,31680], in model.safetensors, tensor "lm_head.weight"',
    ],
    [
      'a Git LFS pointer',
      { 'model.safetensors': streamOf(Buffer.from('version https://git-lfs.github.com/spec/v1\n')) },
      'expected a safetensors file, got a Git LFS pointer; download the file itself, in model.safetensors',
    ],
    [
      'a header that claims too much',
      { 'model.safetensors': streamOf(Buffer.concat([Buffer.from('ffffffffffffff7f', 'hex'), whole])) },
      'expected a header of at most 100000000 bytes, got 9223372036854775807 bytes, in model.safetensors',
    ],
    [
      'another thing',
      { 'model.safetensors': 'text' },
      'expected an ArrayBuffer, a Uint8Array, a Blob, a Response or a ReadableStream, got "text", in model.safetensors',
    ],
    [
      'a stream of texts',
      { 'model.safetensors': new ReadableStream({ start: (c) => c.enqueue('text') }) },
      'expected a stream of bytes, got one of strings, in model.safetensors',
    ],
    [
      'a stream that fails',
      { 'model.safetensors': new ReadableStream({ start: (c) => c.error(new Error('lost')) }) },
      'expected a stream that can be read to its end, got lost, in model.safetensors',
    ],
    [
      'a promise that fails',
      { 'model.safetensors': () => Promise.reject(new Error('no such thing')) },
      'expected the content of a file, got no such thing, in model.safetensors',
    ],
    [
      'an answer that says no',
      { 'model.safetensors': () => new Response('', { status: 503, statusText: 'Busy' }) },
      'expected an answer with the file, got 503 Busy, in model.safetensors',
    ],
  ])('%s', async (_, given, expected) => {
    expect(await message(given)).toBe(expected);
  });

  it('an index of shards that are not given', async () => {
    const { 'model.safetensors.index.json': index } = sharded(storedTensors(), 1);
    expect(await message({ 'model.safetensors.index.json': index })).toBe(
      'expected a readable safetensors file, got no such file, in model-00001-of-00001.safetensors',
    );
  });

  it('a body that was read', async () => {
    const response = new Response(new Uint8Array(whole));
    await response.arrayBuffer();
    expect(await message({ 'model.safetensors': response })).toBe(
      'expected an answer whose body has not been read, got one that was, in model.safetensors',
    );
    const stream = streamOf(whole);
    stream.getReader();
    expect(await message({ 'model.safetensors': stream })).toBe(
      'expected a stream that has not been read, got one that is read or was, in model.safetensors',
    );
  });

  it('a second load from a stream', async () => {
    const given = { 'config.json': files['config.json'], 'model.safetensors': streamOf(whole) };
    await (await loadModel(given)).dispose();
    expect((await refused(given)).message).toBe(
      'expected a stream that has not been read, got one that is read or was, in model.safetensors',
    );
  });

  it('a config.json that is too long', async () => {
    const endless = new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1 << 20)) });
    expect((await refused({ 'config.json': endless })).message).toBe(
      'expected a JSON file of at most 67108864 bytes, got more, in config.json',
    );
  });

  it.each<[unknown, string]>([
    [7, 'expected a folder, a URL or files by their names, got 7'],
    [[], 'expected a folder, a URL or files by their names, got []'],
    [null, 'expected a folder, a URL or files by their names, got null'],
    ['', 'expected a folder, a URL or files by their names, got ""'],
    [new URL('ftp://here'), 'expected a URL of http, https or file, got "ftp:"'],
  ])('%j', async (source, expected) => {
    const error = await refused(source);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toBe(expected);
  });

  describe('on a server', () => {
    const serve = () => {
      for (const [name, bytes] of Object.entries(files)) served.set(name, { bytes });
    };

    it.each<[string, { status?: number; type?: string; cut?: number } | null, (at: string) => string]>([
      ['no config.json', null, (at) => `expected a Hugging Face model folder with a config.json, got none, in ${at}`],
      [
        'a page in the place of a file that is not there',
        { type: 'text/html; charset=utf-8' },
        (at) => `expected a Hugging Face model folder with a config.json, got none, in ${at}`,
      ],
      [
        'a refusal',
        { status: 403 },
        (at) => `expected an answer with the file, got 403 Forbidden, in ${at}/config.json`,
      ],
    ])('%s', async (_, change, expected) => {
      serve();
      if (change) served.set('config.json', { bytes: files['config.json'], ...change });
      else served.delete('config.json');
      expect((await refused(new URL(`${url.href}?key=secret`))).message).toBe(expected(url.href));
    });

    it('a connection that breaks', async () => {
      serve();
      served.set('model.safetensors', { bytes: whole, cut: 20_000 });
      const error = await refused(url);
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error.message).toMatch(
        /^expected a stream that can be read to its end, got terminated, in http:.*\/model\/model.safetensors$/,
      );
    });

    it('none that answers', async () => {
      const error = await refused(new URL('http://127.0.0.1:1/model'));
      expect(error.message).toMatch(
        /^expected an answer of the server, got fetch failed \(.*\), in http:\/\/127.0.0.1:1\/model\/config.json$/,
      );
    });

    it('a shard that is another one when it is asked for again', async () => {
      served.set('config.json', { bytes: files['config.json'] });
      const parts = sharded(storedTensors(), 6);
      for (const [name, bytes] of Object.entries(parts)) served.set(name, { bytes });
      const name = 'model-00001-of-00006.safetensors';
      const { bytes } = served.get(name) as { bytes: Uint8Array };
      let times = 0;
      const changed = new Uint8Array(bytes);
      changed[20] ^= 1;
      Object.defineProperty(served.get(name), 'bytes', { get: () => (times++ === 0 ? bytes : changed) });
      const error = await refused(url);
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error.message).toMatch(/^expected the same file as before, .* got one that begins otherwise, in .*00001/);
    });

    it('shards are asked for again where there are more than a browser opens at a time', async () => {
      served.set('config.json', { bytes: files['config.json'] });
      const parts = sharded(storedTensors(), 6);
      for (const [name, bytes] of Object.entries(parts)) served.set(name, { bytes });
      expect(await logitsOf(url)).toEqual(await folderLogits(files));
      expect(asked.filter((name) => name === 'model-00001-of-00006.safetensors')).toHaveLength(2);
    });
  });
});

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

  it('a tokenizer, which may come when it is asked for again', async () => {
    const embedded = await filesOf(embeddedFolder);
    let calls = 0;
    const tokenizer = () => (++calls === 1 ? never() : Promise.reject(new Error('busy')));
    const model = await loadModel({ ...embedded, 'tokenizer.json': tokenizer });
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

describe('the engine', () => {
  it.each<[RuntimeOptions, number]>([
    [{}, 1],
    [{ threads: 2 }, 2],
  ])('%j computes on %i threads', async (options, threads) => {
    const model = await loadModel(undefined, options);
    expect(model.engine.threads).toBe(threads);
    await model.dispose();
  });

  it.each<[string, (plain: Uint8Array) => Promise<RuntimeOptions['kernels']>]>([
    ['bytes', async (plain) => plain],
    ['a module', async (plain) => WebAssembly.compile(plain)],
    ['an answer', async (plain) => new Response(new Uint8Array(plain))],
    [
      'an answer that is compiled while it comes in',
      async (plain) => new Response(new Uint8Array(plain), { headers: { 'content-type': 'application/wasm' } }),
    ],
    ['a place', async () => pathToFileURL('dist/kernels/plain.wasm')],
    ['both builds', async (plain) => ({ plain, relaxed: () => pathToFileURL('dist/kernels/relaxed.wasm') })],
  ])('takes kernels as %s', async (_, kernels) => {
    const given = await kernels(await readFile('dist/kernels/plain.wasm'));
    const expected = await logitsOf(undefined, { deterministic: true });
    expect(await logitsOf(undefined, { kernels: given })).toEqual(expected);
  });

  it('shares the memory of kernels given as bytes, but not of a compiled module', async () => {
    const plain = await readFile('dist/kernels/plain.wasm');
    for (const [kernels, threads] of [
      [plain, 2],
      [await WebAssembly.compile(plain), 1],
      [() => WebAssembly.compile(plain), 1],
    ] as const) {
      const model = await loadModel(undefined, { kernels, threads: 2 });
      expect(model.engine.threads).toBe(threads);
      await model.dispose();
    }
  });

  it.each<[object, string]>([
    [{ backend: 'cpu' }, 'expected backend to be one of wasm, webgpu, got "cpu"'],
    [{ threads: 0 }, 'expected threads from 1 to 128, got 0'],
    [{ threads: 1.5 }, 'expected threads from 1 to 128, got 1.5'],
    [
      { kernels: '/plain.wasm' },
      'expected kernels as bytes, a Response, a URL or a WebAssembly.Module, or plain and relaxed ones, got "/plain.wasm"',
    ],
    [
      { kernels: null },
      'expected kernels as bytes, a Response, a URL or a WebAssembly.Module, or plain and relaxed ones, got null',
    ],
    [
      { kernels: Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0) },
      'expected the kernels for plain SIMD beside the program, or as the option kernels, or in neuroal/runtime/inline, ' +
        'got kernels of another version, without activate, in the wasm backend',
    ],
    [
      { threads: 3, createWorker: () => undefined },
      "expected a worker for thread 1, got Cannot read properties of undefined (reading 'on'), in createWorker",
    ],
    [{ sparse: 'no' }, 'expected sparse to be true or false, got "no"'],
    [{ prefer: 'beauty' }, 'expected prefer to be one of speed, size, got "beauty"'],
    [
      { kernels: new Uint8Array(8) },
      'expected the kernels for plain SIMD beside the program, or as the option kernels, or in neuroal/runtime/inline, ' +
        'got WebAssembly.compile(): expected magic word 00 61 73 6d, found 00 00 00 00 @+0, in the wasm backend',
    ],
  ])('refuses %j', async (options, message) => {
    await expect(loadModel(undefined, options as RuntimeOptions)).rejects.toThrow(expect.objectContaining({ message }));
  });
});
