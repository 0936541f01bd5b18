// GPT-2: learned positions, LayerNorms, one fused layer for q, k and v, and all weights of a block stored transposed
// (Conv1D). config.json has names of its own; the usual ones are known too.

import { readActivation } from '../activations.js';
import { Decoder } from '../decoder.js';
import type { Family, Linear } from '../graph.js';
import { transposed } from '../layout.js';
import { cut } from '../linear.js';
import { layerNorm } from '../norms.js';
import { headDim, MOST_BLOCKS } from './dimensions.js';
import { plainMlp } from './plain-mlp.js';

export const gpt2: Family = {
  modelType: 'gpt2',
  graph: (config) => {
    const hidden_size = config.positiveInteger('n_embd', config.positiveInteger('hidden_size', 768));
    const heads = config.positiveInteger('n_head', config.positiveInteger('num_attention_heads', 12));
    const inner = config.positiveInteger('n_inner', 4 * hidden_size);
    const n_positions = config.positiveInteger('n_positions', config.positiveInteger('max_position_embeddings', 1024));
    const eps = config.positiveNumber('layer_norm_epsilon', 1e-5);
    const scaled = config.boolean('scale_attn_weights', true);
    const byLayer = config.boolean('scale_attn_by_inverse_layer_idx', false);
    config.only('add_cross_attention', false, 'a decoder without cross-attention');
    const norm = (name: string) => layerNorm(name, hidden_size, eps);
    const conv1d = (name: string, rows: number, columns: number): Linear => ({
      ...{ name, rows, columns, bias: true, layout: transposed },
    });
    const qkv = conv1d('attn.c_attn', 3 * hidden_size, hidden_size);
    const [query, key, value] = cut<3>(qkv, hidden_size, hidden_size, hidden_size);
    const dim = headDim(config, hidden_size, heads);
    return new Decoder({
      config: {
        model_type: config.text('model_type'),
        vocab_size: config.positiveInteger('vocab_size', 50257),
        hidden_size,
        num_hidden_layers: config.positiveInteger(
          'n_layer',
          config.positiveInteger('num_hidden_layers', 12),
          MOST_BLOCKS,
        ),
        key_width: hidden_size,
        max_position_embeddings: n_positions,
      },
      basePrefix: 'transformer.',
      layers: 'transformer.h.',
      embedding: {
        table: 'transformer.wte.weight',
        width: hidden_size,
        positions: { table: 'transformer.wpe.weight', rows: n_positions, offset: 0 },
      },
      attention: {
        ...{ heads, kvHeads: heads, headDim: dim, inputs: [qkv], query, key, value },
        output: conv1d('attn.c_proj', hidden_size, hidden_size),
        scale: (block) => (scaled ? 1 / Math.sqrt(dim) : 1) / (byLayer ? block + 1 : 1),
      },
      mlp: plainMlp(
        conv1d('mlp.c_fc', inner, hidden_size),
        conv1d('mlp.c_proj', hidden_size, inner),
        readActivation(config, 'activation_function', 'gelu_new'),
      ),
      norms: { beforeAttention: norm('ln_1'), beforeMlp: norm('ln_2') },
      head: {
        norm: norm('transformer.ln_f'),
        name: 'lm_head',
        bias: false,
        tied: config.boolean('tie_word_embeddings', true),
      },
    });
  },
};
