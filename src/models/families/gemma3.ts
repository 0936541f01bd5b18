// Gemma 3, its text models (arXiv 2503.19786): Gemma 2 with norms on each head of q and k instead of soft caps, five local
// layers to each global one, and rotary positions of another base on the local ones.

import { Decoder } from '../decoder.js';
import type { Family } from '../graph.js';
import { offsetRmsNorm } from '../norms.js';
import { readRope } from '../rope.js';
import { readDimensions } from './dimensions.js';
import { sandwichedDecoder } from './gemma2.js';
import { readLayerTypes } from './layer-types.js';

export const gemma3: Family = {
  modelType: 'gemma3_text',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 262208,
      hidden_size: 2304,
      intermediate_size: 9216,
      num_hidden_layers: 26,
      num_attention_heads: 8,
      num_key_value_heads: 4,
      head_dim: 256,
      max_position_embeddings: 131072,
    });
    const period = config.positiveInteger('sliding_window_pattern', 6);
    const types = readLayerTypes(config, dimensions.num_hidden_layers, (block) =>
      (block + 1) % period === 0 ? 'full_attention' : 'sliding_attention',
    );
    const global = config.rope({ rope_theta: 1e6, layerType: 'full_attention' });
    const local = config.rope({
      rope_theta: 10000,
      layerType: 'sliding_attention',
      aliases: { rope_theta: 'rope_local_base_freq' },
    });
    const rope = readRope(config, global, dimensions);
    const decoder = sandwichedDecoder(config, dimensions, types, { rope, attnCap: null, finalCap: null });
    const eps = config.positiveNumber('rms_norm_eps', 1e-6);
    return new Decoder({
      ...decoder,
      attention: {
        ...decoder.attention,
        queryNorm: offsetRmsNorm('self_attn.q_norm', dimensions.head_dim, eps),
        keyNorm: offsetRmsNorm('self_attn.k_norm', dimensions.head_dim, eps),
        rope: (block) => (types[block] === 'sliding_attention' ? 'local' : 'rope'),
      },
      ropes: new Map([
        ['rope', rope],
        ['local', readRope(config, local, dimensions)],
      ]),
    });
  },
};
