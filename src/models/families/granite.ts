// Granite 3: Llama with a factor on the embeddings, on the attention scores, on what joins the residual stream, and on the
// logits.

import { Decoder } from '../decoder.js';
import type { Family } from '../graph.js';
import { readDimensions } from './dimensions.js';
import { gatedDecoder } from './gated.js';

export const granite: Family = {
  modelType: 'granite',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 32000,
      hidden_size: 4096,
      intermediate_size: 11008,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: null,
      max_position_embeddings: 2048,
    });
    const decoder = gatedDecoder(config, dimensions);
    const scale = config.positiveNumber('attention_multiplier', 1);
    return new Decoder({
      ...decoder,
      embedding: { ...decoder.embedding, scale: config.positiveNumber('embedding_multiplier', 1) },
      attention: { ...decoder.attention, scale: () => scale },
      residualScale: config.positiveNumber('residual_multiplier', 1),
      head: { ...decoder.head, scale: 1 / config.positiveNumber('logits_scaling', 1) },
    });
  },
};
