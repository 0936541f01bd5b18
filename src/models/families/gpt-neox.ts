// GPT-NeoX and Pythia (arXiv 2204.06745): one fused layer for q, k and v, head by head; rotary positions on a part of each
// head; attention and MLP in parallel, each from a LayerNorm of its own, or one after the other.

import { readActivation } from '../activations.js';
import { Decoder } from '../decoder.js';
import type { Family, Linear } from '../graph.js';
import { headByHead } from '../layout.js';
import { cut } from '../linear.js';
import { layerNorm } from '../norms.js';
import { readRope } from '../rope.js';
import { readDimensions } from './dimensions.js';
import { plainMlp } from './plain-mlp.js';

export const gptNeox: Family = {
  modelType: 'gpt_neox',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 50432,
      hidden_size: 6144,
      intermediate_size: 24576,
      num_hidden_layers: 44,
      num_attention_heads: 64,
      num_key_value_heads: null,
      max_position_embeddings: 2048,
    });
    const { hidden_size, intermediate_size, num_attention_heads: heads, head_dim } = dimensions;
    const aliases = { rope_theta: 'rotary_emb_base', partial_rotary_factor: 'rotary_pct' };
    const rope = readRope(config, config.rope({ rope_theta: 10000, partial_rotary_factor: 0.25, aliases }), dimensions);
    const eps = config.positiveNumber('layer_norm_eps', 1e-5);
    const bias = config.boolean('attention_bias', true);
    const norm = (name: string) => layerNorm(name, hidden_size, eps);
    const layout = headByHead(heads);
    const qkv: Linear = {
      ...{ name: 'attention.query_key_value', rows: 3 * hidden_size, columns: hidden_size, bias, layout },
    };
    const [query, key, value] = cut<3>(qkv, hidden_size, hidden_size, hidden_size);
    return new Decoder({
      config: dimensions,
      basePrefix: 'gpt_neox.',
      layers: 'gpt_neox.layers.',
      embedding: { table: 'gpt_neox.embed_in.weight', width: hidden_size },
      attention: {
        ...{ heads, kvHeads: heads, headDim: head_dim, inputs: [qkv], query, key, value },
        output: { name: 'attention.dense', rows: hidden_size, columns: hidden_size, bias },
        rope: () => 'rope',
        scale: () => 1 / Math.sqrt(head_dim),
      },
      mlp: plainMlp(
        { name: 'mlp.dense_h_to_4h', rows: intermediate_size, columns: hidden_size, bias: true },
        { name: 'mlp.dense_4h_to_h', rows: hidden_size, columns: intermediate_size, bias: true },
        readActivation(config, 'hidden_act', 'gelu'),
      ),
      parallel: config.boolean('use_parallel_residual', true),
      norms: { beforeAttention: norm('input_layernorm'), beforeMlp: norm('post_attention_layernorm') },
      ropes: new Map([['rope', rope]]),
      head: {
        norm: norm('gpt_neox.final_layer_norm'),
        name: 'embed_out',
        alias: 'lm_head',
        bias: false,
        tied: config.boolean('tie_word_embeddings', false),
      },
    });
  },
};
