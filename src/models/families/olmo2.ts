// OLMo 2 (arXiv 2501.00656): Llama that normalises what attention and MLP give instead of what they get, and all of q and
// all of k.

import { Decoder } from '../decoder.js';
import type { Family } from '../graph.js';
import { readDimensions } from './dimensions.js';
import { gatedDecoder, rmsNorms } from './gated.js';

export const olmo2: Family = {
  modelType: 'olmo2',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 50304,
      hidden_size: 4096,
      intermediate_size: 11008,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: null,
      max_position_embeddings: 2048,
    });
    const { hidden_size, num_attention_heads, head_dim, key_width } = dimensions;
    const norm = rmsNorms(config, 1e-5);
    const decoder = gatedDecoder(config, dimensions, { norm, mlpBias: false });
    return new Decoder({
      ...decoder,
      norms: {
        afterAttention: norm('post_attention_layernorm', hidden_size),
        afterMlp: norm('post_feedforward_layernorm', hidden_size),
      },
      attention: {
        ...decoder.attention,
        queryNorm: norm('self_attn.q_norm', num_attention_heads * head_dim),
        keyNorm: norm('self_attn.k_norm', key_width),
      },
    });
  },
};
