// A model from everything that has its files: what comes out is what the folder gives, whatever the order in which tensors
// lie there and the pieces in which a stream comes; and every byte of a stream is taken once.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { f32, folderWith, half, removeFolder } from '../../test/checkpoint-fixture.js';
import { models, valuesOf } from '../../test/golden/tiny-families.js';
import { tinyConfig, tinyWindows } from '../../test/golden/tiny-llama.js';
import {
  asStreams,
  filesOf,
  modelServer,
  sharded,
  shuffled,
  storedTensors,
  streamOf,
  tinyFiles,
} from '../../test/model-files.js';
import { embeddedFolder } from '../checkpoint/embedded.js';
import { convert } from '../models/convert.js';
import { loadModel as loadFolder } from '../models/load-model.js';
import type { Model } from '../models/model.js';
import { prune } from '../prune/prune.js';
import { type FileContent, generate, loadModel, type ModelFiles, type RuntimeOptions } from './index.js';
import { loadModel as loadInline } from './inline.js';

const [ids] = tinyWindows(1, 11);
const server = modelServer();
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await removeFolder(folder);
});

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
    for (const [name, bytes] of Object.entries(files)) server.served.set(name, { bytes });
    const model = await loadModel(server.url);
    expect(server.asked.filter((name) => name.startsWith('token'))).toEqual([]);
    expect(server.asked.filter((name) => name === 'model.safetensors')).toHaveLength(1);
    expect(await written(model)).toBe(expected);
    expect(server.asked).toContain('tokenizer.json');
    expect(await written(await loadModel(server.url.href))).toBe(expected);
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
    for (const [name, bytes] of Object.entries(files)) server.served.set(name, { bytes });
    expect(await logitsOf(server.url)).toEqual(expected);
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

it('shards are asked for again where there are more than a browser opens at a time', async () => {
  server.served.set('config.json', { bytes: tinyFiles()['config.json'] });
  const parts = sharded(storedTensors(), 6);
  for (const [name, bytes] of Object.entries(parts)) server.served.set(name, { bytes });
  expect(await logitsOf(server.url)).toEqual(await folderLogits(tinyFiles()));
  expect(server.asked.filter((name) => name === 'model-00001-of-00006.safetensors')).toHaveLength(2);
});
