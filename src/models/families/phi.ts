// Phi-1.5 and Phi-2 (arXiv 2309.05463): attention and MLP in parallel from one LayerNorm, rotary positions on a part of
// each head, biases everywhere, the head's included.

import { readActivation } from '../activations.js';
import { Decoder } from '../decoder.js';
import type { Family } from '../graph.js';
import { layerNorm } from '../norms.js';
import { readRope } from '../rope.js';
import { headDim, readDimensions } from './dimensions.js';
import { separateAttention } from './gated.js';
import { plainMlp } from './plain-mlp.js';

export const phi: Family = {
  modelType: 'phi',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 51200,
      hidden_size: 2048,
      intermediate_size: 8192,
      num_hidden_layers: 24,
      num_attention_heads: 32,
      num_key_value_heads: null,
      max_position_embeddings: 2048,
    });
    const { hidden_size, intermediate_size, num_attention_heads } = dimensions;
    const eps = config.positiveNumber('layer_norm_eps', 1e-5);
    const rope = readRope(config, config.rope({ rope_theta: 10000, partial_rotary_factor: 0.5 }), dimensions);
    const attention = separateAttention(dimensions, { bias: true, output: 'dense' });
    if (config.boolean('qk_layernorm', false)) {
      const width = headDim(config, hidden_size, num_attention_heads);
      attention.queryNorm = layerNorm('self_attn.q_layernorm', width, eps);
      attention.keyNorm = layerNorm('self_attn.k_layernorm', width, eps);
    }
    return new Decoder({
      config: dimensions,
      basePrefix: 'model.',
      layers: 'model.layers.',
      embedding: { table: 'model.embed_tokens.weight', width: hidden_size },
      attention,
      mlp: plainMlp(
        { name: 'mlp.fc1', rows: intermediate_size, columns: hidden_size, bias: true },
        { name: 'mlp.fc2', rows: hidden_size, columns: intermediate_size, bias: true },
        readActivation(config, 'hidden_act', 'gelu_new'),
      ),
      parallel: true,
      norms: { beforeAttention: layerNorm('input_layernorm', hidden_size, eps) },
      ropes: new Map([['rope', rope]]),
      head: {
        norm: layerNorm('model.final_layernorm', hidden_size, eps),
        name: 'lm_head',
        bias: true,
        tied: config.boolean('tie_word_embeddings', false),
      },
    });
  },
};
