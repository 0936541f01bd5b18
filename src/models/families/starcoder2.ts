// StarCoder2 (arXiv 2402.19173): grouped heads, rotary positions, LayerNorms, biases everywhere, and an MLP without a gate.

import { readActivation } from '../activations.js';
import { Decoder } from '../decoder.js';
import type { Family } from '../graph.js';
import { layerNorm } from '../norms.js';
import { readDimensions } from './dimensions.js';
import { gatedDecoder } from './gated.js';
import { plainMlp } from './plain-mlp.js';

export const starcoder2: Family = {
  modelType: 'starcoder2',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 49152,
      hidden_size: 3072,
      intermediate_size: 12288,
      num_hidden_layers: 30,
      num_attention_heads: 24,
      num_key_value_heads: 2,
      max_position_embeddings: 4096,
    });
    config.only('mlp_type', 'default', 'an MLP without a gate');
    config.only('norm_type', 'layer_norm', 'LayerNorms');
    const { hidden_size, intermediate_size } = dimensions;
    const bias = config.boolean('use_bias', true);
    const eps = config.positiveNumber('norm_epsilon', 1e-5);
    const window = config.integerOrNull('sliding_window', null);
    const decoder = gatedDecoder(config, dimensions, {
      norm: (name, width) => layerNorm(name, width, eps),
      bias,
      tied: true,
    });
    return new Decoder({
      ...decoder,
      attention: { ...decoder.attention, window: () => window },
      mlp: plainMlp(
        { name: 'mlp.c_fc', rows: intermediate_size, columns: hidden_size, bias },
        { name: 'mlp.c_proj', rows: hidden_size, columns: intermediate_size, bias },
        readActivation(config, 'hidden_act', 'gelu_pytorch_tanh'),
      ),
    });
  },
};
