// For tests only: Llama folders of a few thousand random weights, small enough that plain-llama.ts computes whole
// searches on them in the time of a test.

import { f32, folderWith, half, safetensors, type TestTensor } from '../checkpoint-fixture.js';

export interface TinyTensor {
  shape: number[];
  values: number[];
}

export type TinyTensors = Record<string, TinyTensor>;

/** config.json of three blocks, hidden size 16, two heads of width 8. */
export const tinyConfig = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 40,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  max_position_embeddings: 32,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
};

export type TinyConfig = typeof tinyConfig;

/** Numbers in [0, 1) (Lehmer, MINSTD). */
export function lehmer(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return (state - 1) / 2147483646;
  };
}

/** Random weights for a config, of about the size that training leaves; all are exact in bfloat16 where `bf16`. */
export function tinyTensors(config: TinyConfig, seed = 1, bf16 = false): TinyTensors {
  const random = lehmer(seed);
  const round = (v: number) => {
    const bits = new Uint32Array(Float32Array.of(v).buffer);
    if (bf16) bits[0] &= 0xffff0000;
    return new Float32Array(bits.buffer)[0];
  };
  const draw = (shape: number[], centre: number, width: number): TinyTensor => ({
    shape,
    // The sum of three uniform draws: bell-shaped, with a few large ones.
    values: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
      round(centre + width * 2 * (random() + random() + random() - 1.5)),
    ),
  });
  const { hidden_size: h, intermediate_size: m, vocab_size: v, num_key_value_heads, num_attention_heads } = config;
  const kv = (h / num_attention_heads) * num_key_value_heads;
  const tensors: TinyTensors = { 'model.embed_tokens.weight': draw([v, h], 0, 1) };
  for (let b = 0; b < config.num_hidden_layers; b++) {
    const at = `model.layers.${b}.`;
    tensors[`${at}input_layernorm.weight`] = draw([h], 1, 0.3);
    tensors[`${at}self_attn.q_proj.weight`] = draw([h, h], 0, 0.5);
    tensors[`${at}self_attn.k_proj.weight`] = draw([kv, h], 0, 0.5);
    tensors[`${at}self_attn.v_proj.weight`] = draw([kv, h], 0, 0.5);
    tensors[`${at}self_attn.o_proj.weight`] = draw([h, h], 0, 0.5);
    tensors[`${at}post_attention_layernorm.weight`] = draw([h], 1, 0.3);
    tensors[`${at}mlp.gate_proj.weight`] = draw([m, h], 0, 0.5);
    tensors[`${at}mlp.up_proj.weight`] = draw([m, h], 0, 0.5);
    tensors[`${at}mlp.down_proj.weight`] = draw([h, m], 0, 0.5);
  }
  tensors['model.norm.weight'] = draw([h], 1, 0.3);
  if (!config.tie_word_embeddings) tensors['lm_head.weight'] = draw([v, h], 0, 0.5);
  return tensors;
}

/** As stored: F32, or BF16 by cutting off the lower half. */
export function stored({ shape, values }: TinyTensor, dtype: 'F32' | 'BF16' = 'F32'): TestTensor {
  if (dtype === 'F32') return f32(shape, values);
  const bits = new Uint32Array(Float32Array.from(values).buffer);
  return half(
    'BF16',
    shape,
    Array.from(bits, (b) => b >>> 16),
  );
}

/** A new folder with config.json and model.safetensors. */
export function tinyFolder(
  config: object,
  tensors: TinyTensors,
  dtype: 'F32' | 'BF16' = 'F32',
  metadata?: Record<string, string>,
): Promise<string> {
  const all = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, stored(tensor, dtype)]));
  return folderWith({ 'config.json': JSON.stringify(config), 'model.safetensors': safetensors(all, metadata) });
}

/** `count` windows of random ids. */
export function tinyWindows(count: number, length: number, seed = 7, vocabulary = tinyConfig.vocab_size): number[][] {
  const random = lehmer(seed);
  return Array.from({ length: count }, () => Array.from({ length }, () => Math.floor(random() * vocabulary)));
}
