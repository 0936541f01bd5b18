// Qwen2 and 2.5 (arXiv 2407.10671): Llama with biases on q, k and v, and a window on the upper layers if asked for.
// Qwen3 (arXiv 2505.09388): no biases, but norms on each head of q and k.

import type { ConfigReader } from '../../checkpoint/config.js';
import { Decoder, type DecoderDescription } from '../decoder.js';
import type { Family } from '../graph.js';
import { rmsNorm } from '../norms.js';
import { readDimensions } from './dimensions.js';
import { type GatedOptions, gatedDecoder } from './gated.js';
import { readLayerTypes, windows } from './layer-types.js';

function qwen(config: ConfigReader, options: GatedOptions, head_dim?: number): DecoderDescription {
  const dimensions = readDimensions(config, {
    vocab_size: 151936,
    hidden_size: 4096,
    intermediate_size: 22016,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    head_dim,
    max_position_embeddings: 32768,
  });
  const slides = config.boolean('use_sliding_window', false);
  const window = slides ? config.integerOrNull('sliding_window', 4096) : null;
  const full = config.wholeNumber('max_window_layers', 28);
  const types = readLayerTypes(config, dimensions.num_hidden_layers, (block) =>
    window !== null && block >= full ? 'sliding_attention' : 'full_attention',
  );
  const decoder = gatedDecoder(config, dimensions, options);
  return { ...decoder, attention: { ...decoder.attention, window: windows(types, window) } };
}

export const qwen2: Family = {
  modelType: 'qwen2',
  graph: (config) => new Decoder(qwen(config, { bias: true, outputBias: false, mlpBias: false })),
};

export const qwen3: Family = {
  modelType: 'qwen3',
  graph: (config) => {
    const decoder = qwen(config, { mlpBias: false }, 128);
    const { headDim } = decoder.attention;
    const eps = config.positiveNumber('rms_norm_eps', 1e-6);
    return new Decoder({
      ...decoder,
      attention: {
        ...decoder.attention,
        queryNorm: rmsNorm('self_attn.q_norm', headDim, eps),
        keyNorm: rmsNorm('self_attn.k_norm', headDim, eps),
      },
    });
  },
};
