// Mistral (arXiv 2310.06825): Llama with a sliding window on every layer.

import { Decoder } from '../decoder.js';
import type { Family } from '../graph.js';
import { readDimensions } from './dimensions.js';
import { gatedDecoder } from './gated.js';

export const mistral: Family = {
  modelType: 'mistral',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 32000,
      hidden_size: 4096,
      intermediate_size: 14336,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      max_position_embeddings: 131072,
    });
    const window = config.integerOrNull('sliding_window', 4096);
    const decoder = gatedDecoder(config, dimensions, { bias: false, mlpBias: false });
    return new Decoder({ ...decoder, attention: { ...decoder.attention, window: () => window } });
  },
};
