// Phi-3 and 3.5 (arXiv 2404.14219): Llama with q, k and v in one layer, gate and up in another, and LongRoPE.

import { Decoder } from '../decoder.js';
import type { Family, Linear } from '../graph.js';
import { cut } from '../linear.js';
import { readRope } from '../rope.js';
import { readDimensions } from './dimensions.js';
import { gatedDecoder, rmsNorms } from './gated.js';

export const phi3: Family = {
  modelType: 'phi3',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 32064,
      hidden_size: 3072,
      intermediate_size: 8192,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: null,
      max_position_embeddings: 4096,
    });
    const { hidden_size, intermediate_size, num_attention_heads, head_dim, key_width } = dimensions;
    const found = config.rope({ rope_theta: 10000, partial_rotary_factor: 1 });
    // What the first files called "su" or "yarn" is LongRoPE.
    const rope_type = found.rope_type === 'su' || found.rope_type === 'yarn' ? 'longrope' : found.rope_type;
    const rope = readRope(config, { ...found, rope_type }, { ...dimensions, original_max_position_embeddings: 4096 });
    const norm = rmsNorms(config, 1e-5);
    const decoder = gatedDecoder(config, dimensions, { norm, bias: false, mlpBias: false, rope });
    const width = num_attention_heads * head_dim;
    const qkv: Linear = { name: 'self_attn.qkv_proj', rows: width + 2 * key_width, columns: hidden_size, bias: false };
    const [query, key, value] = cut<3>(qkv, width, key_width, key_width);
    const gateUp: Linear = { name: 'mlp.gate_up_proj', rows: 2 * intermediate_size, columns: hidden_size, bias: false };
    const [gate, up] = cut<2>(gateUp, intermediate_size, intermediate_size);
    const window = config.integerOrNull('sliding_window', null);
    return new Decoder({
      ...decoder,
      attention: { ...decoder.attention, inputs: [qkv], query, key, value, window: () => window },
      mlp: { ...decoder.mlp, inputs: [gateUp], gate, up },
    });
  },
};
