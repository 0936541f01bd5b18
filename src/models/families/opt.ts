// OPT (arXiv 2205.01068): learned positions that begin at row 2, LayerNorms before attention and MLP or (350m) after their
// sums, a ReLU MLP, biases, and embeddings that may be narrower than the hidden states (350m).

import { readActivation } from '../activations.js';
import type { Attention } from '../attention.js';
import { Decoder } from '../decoder.js';
import type { Family, Linear } from '../graph.js';
import { whole } from '../linear.js';
import { layerNorm } from '../norms.js';
import { headDim, MOST_BLOCKS } from './dimensions.js';
import { plainMlp } from './plain-mlp.js';

/** Rows of the position table before that of position 0. */
const OFFSET = 2;
/** PyTorch's default, which the config does not name. */
const EPS = 1e-5;

export const opt: Family = {
  modelType: 'opt',
  graph: (config) => {
    const hidden_size = config.positiveInteger('hidden_size', 768);
    const heads = config.positiveInteger('num_attention_heads', 12);
    const ffn_dim = config.positiveInteger('ffn_dim', 3072);
    const max_position_embeddings = config.positiveInteger('max_position_embeddings', 2048);
    const width = config.positiveInteger('word_embed_proj_dim', hidden_size);
    const bias = config.boolean('enable_bias', true);
    const affine = config.boolean('layer_norm_elementwise_affine', true);
    const before = config.boolean('do_layer_norm_before', true);
    const removed = config.boolean('_remove_final_layer_norm', false);
    const norm = (name: string) => layerNorm(name, hidden_size, EPS, affine);
    const [first, second] = [norm('self_attn_layer_norm'), norm('final_layer_norm')];
    const square = (name: string): Linear => ({ name, rows: hidden_size, columns: hidden_size, bias });
    const [k, v, q] = ['k_proj', 'v_proj', 'q_proj'].map((name) => square(`self_attn.${name}`));
    const dim = headDim(config, hidden_size, heads);
    const attention: Attention = {
      ...{ heads, kvHeads: heads, headDim: dim, inputs: [k, v, q], query: whole(q), key: whole(k), value: whole(v) },
      output: square('self_attn.out_proj'),
      scale: () => 1 / Math.sqrt(dim),
    };
    return new Decoder({
      config: {
        model_type: config.text('model_type'),
        vocab_size: config.positiveInteger('vocab_size', 50272),
        hidden_size,
        num_hidden_layers: config.positiveInteger('num_hidden_layers', 12, MOST_BLOCKS),
        key_width: hidden_size,
        max_position_embeddings,
      },
      basePrefix: 'model.',
      layers: 'model.decoder.layers.',
      embedding: {
        table: 'model.decoder.embed_tokens.weight',
        width,
        ...(width === hidden_size ? {} : { projectIn: 'model.decoder.project_in' }),
        positions: {
          table: 'model.decoder.embed_positions.weight',
          rows: max_position_embeddings + OFFSET,
          offset: OFFSET,
        },
      },
      attention,
      mlp: plainMlp(
        { name: 'fc1', rows: ffn_dim, columns: hidden_size, bias },
        { name: 'fc2', rows: hidden_size, columns: ffn_dim, bias },
        readActivation(config, 'activation_function', 'relu'),
      ),
      norms: before ? { beforeAttention: first, beforeMlp: second } : { attentionSum: first, mlpSum: second },
      head: {
        norm: before && !removed ? norm('model.decoder.final_layer_norm') : null,
        ...(width === hidden_size ? {} : { projectOut: 'model.decoder.project_out' }),
        name: 'lm_head',
        bias: false,
        tied: config.boolean('tie_word_embeddings', true),
      },
    });
  },
};
