// SmolLM3: Llama whose every fourth layer has no rotary positions.

import { Decoder } from '../decoder.js';
import type { Family } from '../graph.js';
import { readRope } from '../rope.js';
import { readDimensions } from './dimensions.js';
import { gatedDecoder } from './gated.js';
import { readLayerTypes, windows } from './layer-types.js';

const isFlag = (x: unknown): x is 0 | 1 => x === 0 || x === 1;

export const smollm3: Family = {
  modelType: 'smollm3',
  graph: (config) => {
    const dimensions = readDimensions(config, {
      vocab_size: 128256,
      hidden_size: 2048,
      intermediate_size: 11008,
      num_hidden_layers: 36,
      num_attention_heads: 16,
      num_key_value_heads: 4,
      max_position_embeddings: 32768,
    });
    const layers = dimensions.num_hidden_layers;
    const interval = config.positiveInteger('no_rope_layer_interval', 4);
    // Despite its name, 1 says that a layer has them.
    const turns =
      config.list('no_rope_layers', layers, 'of 0 or 1', isFlag) ??
      Array.from({ length: layers }, (_, block) => ((block + 1) % interval === 0 ? 0 : 1));
    const slides = config.boolean('use_sliding_window', false);
    const window = slides ? config.integerOrNull('sliding_window', null) : null;
    const types = readLayerTypes(config, layers, (block) =>
      window !== null && turns[block] === 0 ? 'sliding_attention' : 'full_attention',
    );
    const rope = readRope(config, config.rope({ rope_theta: 2e6 }), dimensions);
    const decoder = gatedDecoder(config, dimensions, { rope, tied: true });
    return new Decoder({
      ...decoder,
      attention: {
        ...decoder.attention,
        rope: (block) => (turns[block] === 1 ? 'rope' : null),
        window: windows(types, window),
      },
    });
  },
};
