// The Llama family: transformers' defaults, every config.json that contradicts itself, and the forward pass against one
// in plain loops.

import { afterEach, describe, expect, it } from 'vitest';
import { removeFolder } from '../../../test/checkpoint-fixture.js';
import { plainLogits } from '../../../test/golden/plain-llama.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../../test/golden/tiny-llama.js';
import type { Checkpoint } from '../../checkpoint/checkpoint.js';
import { ConfigReader } from '../../checkpoint/config.js';
import { ConfigError } from '../../errors.js';
import { graphOf, knownModelTypes } from '../families.js';
import { loadModel } from '../load-model.js';

/** The graph of a config.json; weights are not looked at. */
const graph = (config: object) => graphOf({ config: new ConfigReader({ ...config }, 'config.json') } as Checkpoint);

let folder: string | undefined;
afterEach(async () => {
  if (folder) await removeFolder(folder);
  folder = undefined;
});

describe('config.json', () => {
  it('has the defaults of transformers (LlamaConfig())', () => {
    const { config, blockTensors, outerTensors, linears } = graph({ model_type: 'llama' });
    expect(config).toEqual({
      model_type: 'llama',
      vocab_size: 32000,
      hidden_size: 4096,
      num_hidden_layers: 32,
      key_width: 4096,
      max_position_embeddings: 2048,
      longest_sequence: 2048,
      intermediate_size: 11008,
      num_attention_heads: 32,
      num_key_value_heads: 32,
      head_dim: 128,
    });
    expect([...outerTensors.keys()]).toEqual(['model.embed_tokens.weight', 'model.norm.weight', 'lm_head.weight']);
    expect(blockTensors.size).toBe(2 + linears.length);
    expect(linears.some(({ bias }) => bias)).toBe(false);
  });

  it('null means the default', () => {
    const { config } = graph({ ...tinyConfig, head_dim: null, num_key_value_heads: null, rope_scaling: null });
    expect(config).toMatchObject({ head_dim: 8, num_key_value_heads: 2, key_width: 16 });
  });

  it('the layers of a block, their inputs, and what their rows feed', () => {
    const row = (name: string) => graph(tinyConfig).linears.find((l) => l.name === name);
    expect(graph(tinyConfig).linears.map((l) => l.name)).toEqual([
      'self_attn.q_proj',
      'self_attn.k_proj',
      'self_attn.v_proj',
      'self_attn.o_proj',
      'mlp.gate_proj',
      'mlp.up_proj',
      'mlp.down_proj',
    ]);
    expect(row('mlp.up_proj')).toMatchObject({ rows: 24, columns: 16, input: 'mlp.gate_proj', feeds: 'mlp.down_proj' });
    expect(row('self_attn.v_proj')).toMatchObject({ input: 'self_attn.q_proj', feeds: 'self_attn.o_proj' });
    const grouped = graph({ ...tinyConfig, num_key_value_heads: 1 }).linears;
    expect(grouped[1]).toMatchObject({ rows: 8, columns: 16 });
    expect(grouped.map((l) => l.feeds)).toEqual([
      null,
      null,
      null,
      'mlp.gate_proj',
      'mlp.down_proj',
      'mlp.down_proj',
      null,
    ]);
  });

  const llama3 = {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
  };
  it.each<[object, string]>([
    [
      { hidden_size: 18, num_attention_heads: 4 },
      'expected hidden_size divisible by num_attention_heads, got [18,4], in config.json',
    ],
    [
      { num_attention_heads: 4, num_key_value_heads: 3 },
      'expected num_attention_heads divisible by num_key_value_heads, got [4,3], in config.json',
    ],
    [
      { head_dim: 7 },
      'expected an even number of dimensions to turn (head_dim × partial_rotary_factor), got 7 × 1, in config.json, rope_parameters',
    ],
    [
      { hidden_act: 'mish' },
      'expected hidden_act of silu, swish, relu, gelu, gelu_python, gelu_new, gelu_fast, gelu_accurate, ' +
        'gelu_pytorch_tanh, gelu_python_tanh, quick_gelu, got "mish", in config.json',
    ],
    [{ vocab_size: 0 }, 'expected a whole number from 1 to 134217728 for vocab_size, got 0, in config.json'],
    [
      { num_hidden_layers: 1e6 },
      'expected a whole number from 1 to 10000 for num_hidden_layers, got 1000000, in config.json',
    ],
    [
      { rms_norm_eps: -1 },
      'expected a positive number of at most 1000000000000 for rms_norm_eps, got -1, in config.json',
    ],
    [{ attention_bias: 'no' }, 'expected true or false for attention_bias, got "no", in config.json'],
    [
      { rope_scaling: { type: 'mrope', factor: 2 } },
      'expected rope_type default, linear, dynamic, llama3, yarn, longrope, got "mrope", in config.json, rope_scaling',
    ],
    [
      { rope_parameters: { rope_type: 'longrope', short_factor: [1] } },
      'expected a list of 4 positive numbers for short_factor, got [1], in config.json, rope_parameters',
    ],
    [
      { rope_scaling: { type: 'linear' } },
      'expected a positive number of at most 1000000000000 for factor, got nothing, in config.json, rope_scaling',
    ],
    [
      { rope_parameters: { ...llama3, high_freq_factor: 1 } },
      'expected high_freq_factor above low_freq_factor, got 1 and 1, in config.json, rope_parameters',
    ],
    [
      { model_type: 'mamba' },
      `expected model_type ${knownModelTypes.map((t) => `"${t}"`).join(', ')}, got "mamba", in config.json`,
    ],
    [{ model_type: undefined }, 'expected a text for model_type, got nothing, in config.json'],
    [
      { quantization_config: { bits: 4 } },
      'expected weights that are not quantised, got a quantization_config, in config.json',
    ],
  ])('refuses %o', (change, message) => {
    const make = () => graph({ ...tinyConfig, ...change });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(expect.objectContaining({ message }));
  });

  it('names llama among the types it knows', () => {
    expect(knownModelTypes).toContain('llama');
  });
});

describe('the forward pass', () => {
  it.each([
    ['heads of their own', {}],
    ['grouped heads', { num_key_value_heads: 1 }],
    ['tied embeddings', { tie_word_embeddings: true }],
    ['one block, four heads', { num_hidden_layers: 1, num_attention_heads: 4, num_key_value_heads: 2 }],
  ])('is Llama in plain loops: %s', async (_, change) => {
    const config = { ...tinyConfig, ...change };
    const tensors = tinyTensors(config, 21);
    folder = await tinyFolder(config, tensors);
    const model = await loadModel(folder, { threads: 1 });
    for (const ids of [...tinyWindows(2, 17), [3]])
      expect(await model.logits(ids)).toBeAllClose(plainLogits(tensors, config, ids).flat(), 1e-4, 1e-4);
    await model.dispose();
  });

  it('looks only back: a later token changes no earlier logits', async () => {
    folder = await tinyFolder(tinyConfig, tinyTensors(tinyConfig, 4));
    const model = await loadModel(folder, { threads: 1, deterministic: true });
    const [ids] = tinyWindows(1, 12);
    const changed = [...ids.slice(0, 8), (ids[8] + 1) % 40, ...ids.slice(9)];
    const [a, b] = [await model.logits(ids), await model.logits(changed)];
    expect(b.slice(0, 8 * 40)).toEqual(a.slice(0, 8 * 40));
    expect(b.slice(8 * 40)).not.toEqual(a.slice(8 * 40));
    await model.dispose();
  });
});
