// Llama 1, 2 and 3 (arXiv 2302.13971 and its successors), and what is trained in their shape (SmolLM, TinyLlama).
// Follows LlamaForCausalLM of transformers, as every family here follows its class there.

import { Decoder } from '../decoder.js';
import type { Family } from '../graph.js';
import { readDimensions } from './dimensions.js';
import { gatedDecoder } from './gated.js';

export const llama: Family = {
  modelType: 'llama',
  graph: (config) =>
    new Decoder(
      gatedDecoder(
        config,
        readDimensions(config, {
          vocab_size: 32000,
          hidden_size: 4096,
          intermediate_size: 11008,
          num_hidden_layers: 32,
          num_attention_heads: 32,
          num_key_value_heads: null,
          max_position_embeddings: 2048,
        }),
      ),
    ),
};
