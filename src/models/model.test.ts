// A model from its folder: under which names tensors may lie, which weights are refused, and the requests that it
// answers or turns down.

import { afterEach, describe, expect, it } from 'vitest';
import { removeFolder } from '../../test/checkpoint-fixture.js';
import { plainLogits } from '../../test/golden/plain-llama.js';
import { type TinyTensors, tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../test/golden/tiny-llama.js';
import { CheckpointError, ConfigError, DataError, UsageError } from '../errors.js';
import { inspect } from './inspect.js';
import { loadModel } from './load-model.js';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await removeFolder(folder);
});

async function folderOf(tensors: TinyTensors, config: object = tinyConfig): Promise<string> {
  folders.push(await tinyFolder(config, tensors));
  return folders.at(-1) as string;
}
const load = async (tensors: TinyTensors, config?: object) =>
  loadModel(await folderOf(tensors, config), { threads: 1 });

async function logitsOf(tensors: TinyTensors, config?: object): Promise<Float32Array> {
  const model = await load(tensors, config);
  const logits = await model.logits(ids);
  await model.dispose();
  return logits;
}

const [ids] = tinyWindows(1, 11);
const renamed = (tensors: TinyTensors, rename: (name: string) => string): TinyTensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [rename(name), tensor]));

describe('names of tensors', () => {
  const tied = { ...tinyConfig, tie_word_embeddings: true };
  const tensors = tinyTensors(tied, 8);

  it('tied embeddings lie under either name, or under both', async () => {
    const expected = await logitsOf(tensors, tied);
    expect(expected).toBeAllClose(plainLogits(tensors, tied, ids).flat(), 1e-4, 1e-4);
    const head = (name: string) => (name === 'model.embed_tokens.weight' ? 'lm_head.weight' : name);
    expect(await logitsOf(renamed(tensors, head), tied)).toEqual(expected);
    const both = { ...tensors, 'lm_head.weight': tensors['model.embed_tokens.weight'] };
    expect(await logitsOf(both, tied)).toEqual(expected);
  });

  it('a base model has no "model." before them', async () => {
    const base = renamed(tensors, (name) => name.replace(/^model\./, ''));
    expect(await logitsOf(base, tied)).toEqual(await logitsOf(tensors, tied));
    const { layers } = await inspect(await folderOf(base, tied));
    expect(layers[0]?.name).toBe('layers.0.self_attn.q_proj');
  });

  it('a head of its own beside tied embeddings is refused: which of the two was meant?', async () => {
    const { shape, values } = tensors['model.embed_tokens.weight'];
    const other = { ...tensors, 'lm_head.weight': { shape, values: values.map((v, i) => (i === 7 ? v + 1 : v)) } };
    await expect(load(other, tied)).rejects.toThrow(
      'expected model.embed_tokens.weight and lm_head.weight to be the same, as config.json says ' +
        '(or tie_word_embeddings false there), got two that differ, in ',
    );
  });

  it('a bias or a norm that config.json does not imply is refused', async () => {
    const bias = { ...tensors, 'model.layers.1.self_attn.q_proj.bias': { shape: [16], values: Array(16).fill(0) } };
    await expect(load(bias, tied)).rejects.toThrow(
      'expected only the tensors that config.json implies, got tensor model.layers.1.self_attn.q_proj.bias, in ',
    );
    // A buffer is no weight.
    const buffer = { ...tensors, 'model.layers.1.self_attn.bias': { shape: [1], values: [1] } };
    expect(await logitsOf(buffer, tied)).toEqual(await logitsOf(tensors, tied));
  });

  it('tied embeddings count once among the parameters', async () => {
    const model = await load(tensors, tied);
    expect(model.parameters).toBe(Object.values(tensors).reduce((sum, { values }) => sum + values.length, 0));
    await model.dispose();
  });
});

describe('weights that are refused', () => {
  const message = async (tensors: TinyTensors, config?: object, kind: typeof Error = CheckpointError as never) => {
    const error = await load(tensors, config).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(kind);
    return (error as Error).message.replaceAll(folders.at(-1) as string, 'FOLDER').replaceAll('\\', '/');
  };
  const without = (name: string) => {
    const { [name]: _, ...rest } = tinyTensors(tinyConfig);
    return rest;
  };

  it.each([
    [
      'model.layers.2.mlp.up_proj.weight',
      'expected tensor model.layers.2.mlp.up_proj.weight or layers.2.mlp.up_proj.weight, got none of that name, in FOLDER',
    ],
    ['lm_head.weight', 'expected tensor lm_head.weight, got none of that name, in FOLDER'],
    [
      'model.embed_tokens.weight',
      'expected tensor model.embed_tokens.weight or embed_tokens.weight, got none of that name, in FOLDER',
    ],
  ])('without %s', async (name, text) => {
    expect(await message(without(name))).toBe(text);
  });

  it('without the embeddings of a tied model', async () => {
    const { 'model.embed_tokens.weight': _, 'lm_head.weight': __, ...rest } = tinyTensors(tinyConfig);
    expect(await message(rest, { ...tinyConfig, tie_word_embeddings: true })).toBe(
      'expected tensor model.embed_tokens.weight or embed_tokens.weight or lm_head.weight, got none of that name, in FOLDER',
    );
  });

  it('biases that config.json promises', async () => {
    expect(await message(tinyTensors(tinyConfig), { ...tinyConfig, mlp_bias: true })).toBe(
      'expected tensor model.layers.0.mlp.gate_proj.bias or layers.0.mlp.gate_proj.bias, got none of that name, in FOLDER',
    );
  });

  it('of another shape than config.json implies', async () => {
    const tensors = tinyTensors(tinyConfig);
    const q = tensors['model.layers.1.self_attn.q_proj.weight'];
    q.shape = [8, 32];
    expect(await message(tensors)).toBe(
      'expected shape [16, 16], which config.json implies, got [8, 32], in FOLDER/model.safetensors, tensor "model.layers.1.self_attn.q_proj.weight"',
    );
    q.shape = [16, 16, 1];
    expect(await message(tensors)).toContain('got [16, 16, 1]');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('%f among them', async (value) => {
    const tensors = tinyTensors(tinyConfig);
    tensors['model.layers.2.mlp.down_proj.weight'].values[17] = value;
    expect(await message(tensors)).toBe(
      `expected finite weights, got ${value} at index 17, in FOLDER/model.safetensors, tensor "model.layers.2.mlp.down_proj.weight"`,
    );
  });

  it('of a family that is not known', async () => {
    expect(
      await message(tinyTensors(tinyConfig), { ...tinyConfig, model_type: 'rwkv' }, ConfigError as never),
    ).toContain('got "rwkv"');
  });
});

describe('a model', () => {
  const tensors = tinyTensors(tinyConfig, 6);

  it('scores windows of several lengths in any mixture', async () => {
    const model = await load(tensors);
    const windows = [...tinyWindows(3, 12), ...tinyWindows(2, 5, 9), ...tinyWindows(1, 12, 4), [1, 2]];
    const got = await model.logProbabilities(windows);
    expect(got.map((g) => g.length)).toEqual([11, 11, 11, 4, 4, 11, 1]);
    for (const [w, window] of windows.entries()) {
      const expected = plainLogits(tensors, tinyConfig, window).map(
        (row, t) => row[window[t + 1]] - Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)),
      );
      expect(got[w]).toBeAllClose(expected.slice(0, -1), 1e-4, 1e-4);
    }
    expect(await model.logProbabilities([])).toEqual([]);
    await model.dispose();
  });

  it('refuses ids, windows and caches that do not fit', async () => {
    const model = await load(tensors);
    const refused = async (work: Promise<unknown>) => {
      const error = await work.catch((e: unknown) => e);
      expect(error).toBeInstanceOf(DataError);
      return (error as Error).message;
    };
    expect(await refused(model.logits([1, 40]))).toBe('expected token ids from 0 to 39, got 40, in position 1');
    expect(await refused(model.logits([-1]))).toBe('expected token ids from 0 to 39, got -1, in position 0');
    expect(await refused(model.logits([0.5]))).toBe('expected token ids from 0 to 39, got 0.5, in position 0');
    expect(await refused(model.logProbabilities([[1]]))).toBe(
      'expected windows of at least two token ids, got one of 1',
    );
    const cache = model.createCache(3);
    expect(await refused(model.next(cache, []))).toBe('expected 1 to 3 more tokens, got 0, in the KV cache');
    await model.next(cache, [1, 2]);
    expect(await refused(model.next(cache, [1, 2]))).toBe('expected 1 to 1 more tokens, got 2, in the KV cache');
    expect(await refused(model.next(cache, [77]))).toBe('expected token ids from 0 to 39, got 77, in position 0');
    expect(cache.length).toBe(2);
    cache.free();
    await model.dispose();
  });

  it('keeps caches apart', async () => {
    const model = await load(tensors);
    const [first, second] = tinyWindows(2, 9);
    const caches = [model.createCache(9), model.createCache(20)];
    let last: Float32Array[] = [];
    for (let t = 0; t < 9; t++)
      last = [await model.next(caches[0], [first[t]]), await model.next(caches[1], [second[t]])];
    expect(last[0]).toBeAllClose(plainLogits(tensors, tinyConfig, first)[8], 1e-4, 1e-4);
    expect(last[1]).toBeAllClose(plainLogits(tensors, tinyConfig, second)[8], 1e-4, 1e-4);
    await model.dispose();
  });

  it('with a cache of bf16 gives the same in whatever pieces the tokens come, near what one of f32 gives', async () => {
    const model = await load(tensors);
    const [text] = tinyWindows(1, 9);
    const after = async (pieces: number[], dtype?: 'f32' | 'bf16') => {
      const cache = model.createCache(9, dtype);
      const before = [0, ...pieces].slice(0, -1);
      let last: Float32Array = new Float32Array();
      for (const [i, end] of pieces.entries()) last = await model.next(cache, text.slice(before[i], end));
      const dtypes = new Set(cache.blocks.flatMap(({ keys, values }) => [keys.dtype, values.dtype]));
      cache.free();
      expect([...dtypes]).toEqual([dtype ?? 'f32']);
      return last;
    };
    const [exact, whole] = [await after([9]), await after([9], 'bf16')];
    expect(whole).toBeAllClose(exact, 1e-2, 1e-2);
    expect(whole).not.toEqual(exact);
    for (const pieces of [
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
      [4, 9],
    ])
      expect(await after(pieces, 'bf16')).toBeAllClose(whole, 1e-5, 1e-5);
    expect(() => model.createCache(9, 'f16' as never)).toThrow(
      new UsageError('expected kvCache to be one of f32, bf16, got "f16"'),
    );
    await model.dispose();
  });

  it.each([1, 2])('can be disposed of twice (%i threads)', async (threads) => {
    const model = await loadModel(await folderOf(tensors), { threads });
    await model.logits(ids);
    await model.dispose();
    await model.dispose();
    const other = await loadModel(await folderOf(tensors), { threads });
    await Promise.all([other.dispose(), other.dispose()]);
  });

  it('stops loading when asked', async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ done }: { done: number }) => {
      seen.push(done);
      stop.abort(new Error('enough'));
    };
    await expect(loadModel(await folderOf(tensors), { threads: 1, signal: stop.signal, onProgress })).rejects.toThrow(
      'enough',
    );
    expect(seen).toEqual([1]);
  });
});

describe('inspect', () => {
  it('counts what is there', async () => {
    const tensors = tinyTensors(tinyConfig, 6);
    tensors['model.layers.1.mlp.down_proj.weight'].values.fill(0, 0, 100);
    tensors['model.layers.1.self_attn.o_proj.weight'].values[3] = -0;
    const folder = await folderOf(tensors);
    const { layers, blocks, model } = await inspect(folder);
    expect(model).toEqual({
      source: folder,
      family: 'llama',
      parameters: Object.values(tensors).reduce((n, t) => n + t.values.length, 0),
    });
    expect(layers).toHaveLength(21);
    expect(layers[13]).toEqual({
      name: 'model.layers.1.mlp.down_proj',
      block: 1,
      rows: 16,
      cols: 24,
      dtype: 'F32',
      zeros: 100,
      bytes: 16 * 24 * 4,
      runs: { values: 'f32', sparse: false, bytes: 16 * 24 * 4 },
    });
    const weights = 4 * 16 * 16 + 3 * 16 * 24;
    expect(blocks).toEqual([0, 101 / weights, 0].map((sparsity, block) => ({ block, sparsity })));
  });
});

describe('requests at the same time', () => {
  it('wait for each other: each gets what it gets alone', async () => {
    const model = await load(tinyTensors(tinyConfig, 4));
    const [a, b] = [tinyWindows(3, 9), tinyWindows(2, 14)];
    const alone = [await model.logProbabilities(a), await model.logProbabilities(b), await model.logits(ids)];
    const together = await Promise.all([model.logProbabilities(a), model.logProbabilities(b), model.logits(ids)]);
    expect(together).toEqual(alone);
    await model.dispose();
  });

  it('one that fails leaves the next one alone, and disposing waits for both', async () => {
    const model = await load(tinyTensors(tinyConfig, 4));
    const expected = await model.logits(ids);
    const wrong = model.logits([-1]);
    const right = model.logits(ids);
    const gone = model.dispose();
    await expect(wrong).rejects.toThrow(DataError);
    expect(await right).toEqual(expected);
    await gone;
    await expect(model.logits(ids)).rejects.toThrow(
      'expected a backend in use, got one that was disposed of, in the wasm backend',
    );
  });
});

it('a checkpoint with more blocks than config.json says is refused', async () => {
  const tensors = tinyTensors(tinyConfig, 3);
  await expect(load(tensors, { ...tinyConfig, num_hidden_layers: 2 })).rejects.toThrow(
    /^expected 2 blocks, the num_hidden_layers of config\.json, got tensor model\.layers\.2\./,
  );
});
