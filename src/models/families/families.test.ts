// What each family says of its blocks: layers in the order of the papers, what they read and feed, and what it refuses.

import { describe, expect, it } from 'vitest';
import { ConfigReader } from '../../checkpoint/config.js';
import { ConfigError } from '../../errors.js';
import type { Decoder } from '../decoder.js';
import { graphOf, knownModelTypes } from '../families.js';

const small = {
  ...{ hidden_size: 16, num_hidden_layers: 2, intermediate_size: 24 },
  ...{ num_attention_heads: 2, num_key_value_heads: null },
};
const graph = (config: object) => graphOf({ config: new ConfigReader({ ...small, ...config }, 'config.json') });

/** [name, rows × columns, input, feeds] of each layer; parts where there are several. */
const table = (config: object) =>
  graph(config).linears.map(({ name, rows, columns, input, feeds, parts }) =>
    [name, `${rows}×${columns}`, input, feeds, ...(parts > 1 ? [parts] : [])].join(' '),
  );

describe('what joins the residual stream, and with which factor', () => {
  const joining = (config: object) =>
    graph(config).linears.flatMap(({ name, joins }) => (joins === null ? [] : [`${name} ${joins}`]));

  it.each<[string, object, string[]]>([
    ['Llama', { model_type: 'llama' }, ['self_attn.o_proj 1', 'mlp.down_proj 1']],
    ['OPT', { model_type: 'opt', ffn_dim: 24 }, ['self_attn.out_proj 1', 'fc2 1']],
    ['Granite', { model_type: 'granite', residual_multiplier: 0.5 }, ['self_attn.o_proj 0.5', 'mlp.down_proj 0.5']],
    // Of two branches from one stream only the last one mends it.
    ['Phi', { model_type: 'phi' }, ['mlp.fc2 1']],
    // A norm stands between.
    ['OPT 350m', { model_type: 'opt', ffn_dim: 24, do_layer_norm_before: false }, []],
    ['OLMo 2', { model_type: 'olmo2' }, []],
    ['Gemma 2', { model_type: 'gemma2', head_dim: 8 }, []],
  ])('of %s', (_, config, joins) => {
    expect(joining(config)).toEqual(joins);
  });

  it('is in the half of the block where it stands', () => {
    const halves = graph({ model_type: 'phi' }).linears.map(({ half }) => half);
    expect(halves).toEqual(['attention', 'attention', 'attention', 'attention', 'mlp', 'mlp']);
  });
});

describe('the layers of a block', () => {
  it('of OPT', () => {
    expect(table({ model_type: 'opt', ffn_dim: 24 })).toEqual([
      'self_attn.k_proj 16×16 self_attn.k_proj self_attn.out_proj',
      'self_attn.v_proj 16×16 self_attn.k_proj self_attn.out_proj',
      'self_attn.q_proj 16×16 self_attn.k_proj self_attn.out_proj',
      'self_attn.out_proj 16×16 self_attn.out_proj fc1',
      'fc1 24×16 fc1 fc2',
      'fc2 16×24 fc2 ',
    ]);
  });

  it('of Phi: attention and MLP read the same, so dense feeds nothing that changes', () => {
    expect(table({ model_type: 'phi' })).toEqual([
      'self_attn.q_proj 16×16 self_attn.q_proj self_attn.dense',
      'self_attn.k_proj 16×16 self_attn.q_proj self_attn.dense',
      'self_attn.v_proj 16×16 self_attn.q_proj self_attn.dense',
      'self_attn.dense 16×16 self_attn.dense ',
      'mlp.fc1 24×16 self_attn.q_proj mlp.fc2',
      'mlp.fc2 16×24 mlp.fc2 ',
    ]);
  });

  it('of GPT-NeoX: parallel, the MLP from a norm of its own', () => {
    expect(table({ model_type: 'gpt_neox' })).toEqual([
      'attention.query_key_value 48×16 attention.query_key_value attention.dense 3',
      'attention.dense 16×16 attention.dense ',
      'mlp.dense_h_to_4h 24×16 mlp.dense_h_to_4h mlp.dense_4h_to_h',
      'mlp.dense_4h_to_h 16×24 mlp.dense_4h_to_h ',
    ]);
    expect(table({ model_type: 'gpt_neox', use_parallel_residual: false })[1]).toBe(
      'attention.dense 16×16 attention.dense mlp.dense_h_to_4h',
    );
  });

  it('of Phi-3: fused, and with grouped heads no rows of their own', () => {
    expect(table({ model_type: 'phi3' })).toEqual([
      'self_attn.qkv_proj 48×16 self_attn.qkv_proj self_attn.o_proj 3',
      'self_attn.o_proj 16×16 self_attn.o_proj mlp.gate_up_proj',
      'mlp.gate_up_proj 48×16 mlp.gate_up_proj mlp.down_proj 2',
      'mlp.down_proj 16×24 mlp.down_proj ',
    ]);
    expect(table({ model_type: 'phi3', num_key_value_heads: 1 })[0]).toBe(
      'self_attn.qkv_proj 32×16 self_attn.qkv_proj ',
    );
  });

  it('of GPT-2: as [outputs, inputs], though stored the other way round', () => {
    const gpt2 = { model_type: 'gpt2', n_embd: 16, n_head: 2, n_layer: 2 };
    expect(table(gpt2)).toEqual([
      'attn.c_attn 48×16 attn.c_attn attn.c_proj 3',
      'attn.c_proj 16×16 attn.c_proj mlp.c_fc',
      'mlp.c_fc 64×16 mlp.c_fc mlp.c_proj',
      'mlp.c_proj 16×64 mlp.c_proj ',
    ]);
    const { shape, layout } = graph(gpt2).blockTensors.get('mlp.c_fc.weight')!;
    expect([shape, layout?.storedShape(shape)]).toEqual([
      [64, 16],
      [16, 64],
    ]);
  });

  it.each(knownModelTypes)('of %s: each reads an input of its own width, and feeds one that exists', (model_type) => {
    const { linears } = graph({ model_type, n_embd: 16, n_head: 2, n_layer: 2, head_dim: 8 });
    const widths = new Map(linears.map(({ input, columns }) => [input, columns]));
    for (const { input, columns, rows, feeds, parts } of linears) {
      expect(widths.get(input)).toBe(columns);
      if (feeds !== null) expect(widths.get(feeds)).toBe(rows / parts);
    }
  });
});

describe('config.json', () => {
  it.each<[string, object, string]>([
    [
      'a layer type',
      { model_type: 'qwen2', layer_types: ['full_attention', 'chunked_attention'] },
      'expected a list of 2 of "full_attention" or "sliding_attention" for layer_types',
    ],
    [
      'a list of another length',
      { model_type: 'smollm3', no_rope_layers: [1] },
      'expected a list of 2 of 0 or 1 for no_rope_layers, got [1]',
    ],
    [
      'norms for each head',
      { model_type: 'stablelm', qk_layernorm: true },
      'expected q and k that are not normalised head by head with different weights (qk_layernorm false), got true',
    ],
    [
      'bidirectional attention',
      { model_type: 'gemma3_text', use_bidirectional_attention: true },
      'expected causal attention (use_bidirectional_attention false), got true',
    ],
    [
      'cross-attention',
      { model_type: 'gpt2', add_cross_attention: true },
      'expected a decoder without cross-attention (add_cross_attention false), got true',
    ],
    ['an activation', { model_type: 'opt', activation_function: 'gelu_10' }, 'expected activation_function of '],
    [
      'heads that do not divide',
      { model_type: 'opt', num_attention_heads: 3 },
      'expected hidden_size divisible by num_attention_heads, got [16,3]',
    ],
    [
      'a window of 0',
      { model_type: 'mistral', num_key_value_heads: 2, sliding_window: 0 },
      'expected a whole number from 1 to 134217728 for sliding_window, got 0',
    ],
    [
      'nothing to turn',
      { model_type: 'phi', partial_rotary_factor: 0.1 },
      'expected an even number of dimensions to turn',
    ],
  ])('refuses %s', (_, config, message) => {
    expect(() => graph(config)).toThrow(ConfigError);
    expect(() => graph(config)).toThrow(message);
  });

  it('of GPT-2 has two names for a size', () => {
    const named = graph({ model_type: 'gpt2', max_position_embeddings: 64 });
    expect(named.config).toMatchObject({ hidden_size: 16, num_hidden_layers: 2, max_position_embeddings: 64 });
    expect((named as Decoder).description.attention.heads).toBe(2);
    const own = { model_type: 'gpt2', n_embd: 32, n_head: 4, n_layer: 3, n_positions: 8 };
    expect(graph(own).config).toMatchObject({ hidden_size: 32, num_hidden_layers: 3, max_position_embeddings: 8 });
  });

  it('knows old names', () => {
    const neox = { model_type: 'gpt_neox', rotary_pct: 0.5, rotary_emb_base: 500 };
    const renamed = { model_type: 'gpt_neox', rope_parameters: { rope_theta: 500, partial_rotary_factor: 0.5 } };
    const rope = (config: object) => (graph(config) as Decoder).description.ropes?.get('rope');
    expect(rope(neox)).toMatchObject({ rotaryDim: 4, scale: 1 });
    expect(rope(neox)?.frequencies(1)).toEqual(rope(renamed)?.frequencies(1));
    expect(rope(neox)?.frequencies(1)).not.toEqual(rope({ ...neox, rotary_pct: 1 })?.frequencies(1));
  });
});
