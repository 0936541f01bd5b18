// Gemma (arXiv 2403.08295): Llama with norms that multiply by 1 + weight, embeddings scaled by √hidden_size, heads wider
// than hidden_size / heads, and a tanh GELU gate.

import type { Activation } from '../../backend/backend.js';
import type { ConfigReader } from '../../checkpoint/config.js';
import { readActivation } from '../activations.js';
import { Decoder, type DecoderDescription } from '../decoder.js';
import type { Family } from '../graph.js';
import { offsetRmsNorm } from '../norms.js';
import type { Rope } from '../rope.js';
import { type Dimensions, readDimensions } from './dimensions.js';
import { gatedDecoder, rmsNorms } from './gated.js';

/** What the Gemmas share. */
export function gemmaDecoder(
  config: ConfigReader,
  dimensions: Dimensions,
  options: { activation: Activation; rope?: Rope },
): DecoderDescription {
  config.only('use_bidirectional_attention', false, 'causal attention');
  const norm = rmsNorms(config, 1e-6, offsetRmsNorm);
  const decoder = gatedDecoder(config, dimensions, { norm, mlpBias: false, tied: true, ...options });
  const scale = Math.fround(Math.sqrt(dimensions.hidden_size));
  return { ...decoder, embedding: { ...decoder.embedding, scale } };
}

/** "gelu" in the first released files meant its tanh form. */
function readGemmaActivation(config: ConfigReader): Activation {
  const activation = readActivation(config, 'hidden_act', 'gelu_pytorch_tanh');
  return activation === 'gelu' ? 'gelu_tanh' : activation;
}

export const gemma: Family = {
  modelType: 'gemma',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 256000,
      hidden_size: 3072,
      intermediate_size: 24576,
      num_hidden_layers: 28,
      num_attention_heads: 16,
      num_key_value_heads: 16,
      head_dim: 256,
      max_position_embeddings: 8192,
    });
    return new Decoder(gemmaDecoder(config, dimensions, { activation: readGemmaActivation(config) }));
  },
};
