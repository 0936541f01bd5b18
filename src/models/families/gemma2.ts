// Gemma 2 (arXiv 2408.00118): norms before and after attention and MLP, soft caps on scores and logits, and every other
// layer with a sliding window.

import type { ConfigReader } from '../../checkpoint/config.js';
import { readActivation } from '../activations.js';
import { Decoder, type DecoderDescription } from '../decoder.js';
import type { Family } from '../graph.js';
import { offsetRmsNorm } from '../norms.js';
import type { Rope } from '../rope.js';
import { type Dimensions, readDimensions } from './dimensions.js';
import { rmsNorms } from './gated.js';
import { gemmaDecoder } from './gemma.js';
import { type LayerType, readLayerTypes, windows } from './layer-types.js';

/** What Gemma 2 and 3 share. */
export function sandwichedDecoder(
  config: ConfigReader,
  dimensions: Dimensions,
  types: readonly LayerType[],
  options: { rope?: Rope; attnCap: number | null; finalCap: number | null },
): DecoderDescription {
  const { hidden_size } = dimensions;
  const norm = rmsNorms(config, 1e-6, offsetRmsNorm);
  const activation = readActivation(config, 'hidden_activation', 'gelu_pytorch_tanh');
  const decoder = gemmaDecoder(config, dimensions, { activation, rope: options.rope });
  const scalar = config.positiveNumber('query_pre_attn_scalar', 256);
  return {
    ...decoder,
    norms: {
      beforeAttention: norm('input_layernorm', hidden_size),
      afterAttention: norm('post_attention_layernorm', hidden_size),
      beforeMlp: norm('pre_feedforward_layernorm', hidden_size),
      afterMlp: norm('post_feedforward_layernorm', hidden_size),
    },
    attention: {
      ...decoder.attention,
      scale: () => 1 / Math.sqrt(scalar),
      softcap: config.numberOrNull('attn_logit_softcapping', options.attnCap),
      window: windows(types, config.integerOrNull('sliding_window', 4096)),
    },
    head: { ...decoder.head, softcap: config.numberOrNull('final_logit_softcapping', options.finalCap) },
  };
}

export const gemma2: Family = {
  modelType: 'gemma2',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 256000,
      hidden_size: 2304,
      intermediate_size: 9216,
      num_hidden_layers: 26,
      num_attention_heads: 8,
      num_key_value_heads: 4,
      head_dim: 256,
      max_position_embeddings: 8192,
    });
    const types = readLayerTypes(config, dimensions.num_hidden_layers, (block) =>
      block % 2 === 0 ? 'sliding_attention' : 'full_attention',
    );
    return new Decoder(sandwichedDecoder(config, dimensions, types, { attnCap: 50, finalCap: 30 }));
  },
};
