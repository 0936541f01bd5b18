// StableLM 2 (arXiv 2402.17834): Llama with LayerNorms, rotary positions on a quarter of each head, and blocks that may be
// parallel.

import { Decoder } from '../decoder.js';
import type { Family } from '../graph.js';
import { layerNorm } from '../norms.js';
import { readRope } from '../rope.js';
import { readDimensions } from './dimensions.js';
import { gatedDecoder } from './gated.js';

export const stablelm: Family = {
  modelType: 'stablelm',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 50304,
      hidden_size: 2560,
      intermediate_size: 6912,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 32,
      max_position_embeddings: 4096,
    });
    config.only('qk_layernorm', false, 'q and k that are not normalised head by head with different weights');
    const eps = config.positiveNumber('layer_norm_eps', 1e-5);
    const rope = readRope(config, config.rope({ rope_theta: 10000, partial_rotary_factor: 0.25 }), dimensions);
    const decoder = gatedDecoder(config, dimensions, {
      norm: (name, width) => layerNorm(name, width, eps),
      bias: config.boolean('use_qkv_bias', false),
      outputBias: false,
      mlpBias: false,
      rope,
    });
    const parallel = config.boolean('use_parallel_residual', false);
    const { beforeAttention, beforeMlp } = decoder.norms;
    return new Decoder({
      ...decoder,
      parallel,
      norms: parallel ? { beforeAttention } : { beforeAttention, beforeMlp },
    });
  },
};
