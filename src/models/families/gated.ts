// The decoder that most families are variations of, Llama's (arXiv 2302.13971): a norm before attention and one before a
// gated MLP, rotary positions, grouped heads. Names of tensors are Hugging Face's; each family changes what it changes.

import type { ConfigReader } from '../../checkpoint/config.js';
import { readActivation } from '../activations.js';
import type { Attention } from '../attention.js';
import type { DecoderDescription } from '../decoder.js';
import type { Linear } from '../graph.js';
import { whole } from '../linear.js';
import type { Mlp } from '../mlp.js';
import { type Norm, rmsNorm } from '../norms.js';
import { type Rope, readRope } from '../rope.js';
import type { Dimensions } from './dimensions.js';

/** A norm under a name, over a width. */
export type MakeNorm = (name: string, width: number) => Norm;

/** q_proj, k_proj and v_proj, separate. */
export function separateAttention(
  { hidden_size, num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim }: Dimensions,
  { bias, outputBias = bias, output: name = 'o_proj' }: { bias: boolean; outputBias?: boolean; output?: string },
): Attention {
  const layer = (name: string, count: number): Linear => ({
    ...{ name: `self_attn.${name}`, rows: count * headDim, columns: hidden_size, bias },
  });
  const [q, k, v] = [layer('q_proj', heads), layer('k_proj', kvHeads), layer('v_proj', kvHeads)];
  const output = { name: `self_attn.${name}`, rows: hidden_size, columns: heads * headDim, bias: outputBias };
  return {
    ...{ heads, kvHeads, headDim, inputs: [q, k, v], query: whole(q), key: whole(k), value: whole(v), output },
    rope: () => 'rope',
    scale: () => 1 / Math.sqrt(headDim),
  };
}

/** gate_proj, up_proj and down_proj, separate. */
export function gatedMlp(
  { hidden_size, intermediate_size }: Dimensions,
  { bias, activation }: { bias: boolean; activation: Mlp['activation'] },
): Mlp {
  const layer = (name: string): Linear => ({ name, rows: intermediate_size, columns: hidden_size, bias });
  const [gate, up] = [layer('mlp.gate_proj'), layer('mlp.up_proj')];
  const output = { name: 'mlp.down_proj', rows: hidden_size, columns: intermediate_size, bias };
  return { inputs: [gate, up], gate: whole(gate), up: whole(up), output, activation };
}

/** What a family of this kind says beside its dimensions. */
export interface GatedOptions {
  /** Of the norms; Llama's where it is left out. */
  norm?: MakeNorm;
  /** Of q, k and v, and of the attention output; as `attention_bias` says where they are left out. */
  bias?: boolean;
  outputBias?: boolean;
  /** Of the MLP; as `mlp_bias` says where it is left out. */
  mlpBias?: boolean;
  activation?: Mlp['activation'];
  rope?: Rope;
  /** Whether the embeddings are the head where config.json does not say. */
  tied?: boolean;
}

/** Reads what config.json says of such a decoder. */
export function gatedDecoder(
  config: ConfigReader,
  dimensions: Dimensions,
  options: GatedOptions = {},
): DecoderDescription {
  const { hidden_size } = dimensions;
  const norm: MakeNorm = options.norm ?? rmsNorms(config, 1e-6);
  const bias = options.bias ?? config.boolean('attention_bias', false);
  const rope = options.rope ?? readRope(config, config.rope({ rope_theta: 10000 }), dimensions);
  return {
    config: dimensions,
    basePrefix: 'model.',
    layers: 'model.layers.',
    embedding: { table: 'model.embed_tokens.weight', width: hidden_size },
    attention: separateAttention(dimensions, { bias, outputBias: options.outputBias }),
    mlp: gatedMlp(dimensions, {
      bias: options.mlpBias ?? config.boolean('mlp_bias', false),
      activation: options.activation ?? readActivation(config, 'hidden_act', 'silu'),
    }),
    norms: {
      beforeAttention: norm('input_layernorm', hidden_size),
      beforeMlp: norm('post_attention_layernorm', hidden_size),
    },
    ropes: new Map([['rope', rope]]),
    head: {
      norm: norm('model.norm', hidden_size),
      name: 'lm_head',
      bias: false,
      tied: config.boolean('tie_word_embeddings', options.tied ?? false),
    },
  };
}

/** RMS norms with `rms_norm_eps`. */
export function rmsNorms(config: ConfigReader, fallback: number, make = rmsNorm): MakeNorm {
  const eps = config.positiveNumber('rms_norm_eps', fallback);
  return (name, width) => make(name, width, eps);
}
