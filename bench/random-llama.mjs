// Writes a Llama with random weights in bf16 to a folder, in the form of Hugging Face: the speed of a model does not depend
// on what it has learnt, and a size of one's own choosing needs no download.

import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** 134 million parameters: the size of SmolLM-135M and OPT-125m. */
export const SMALL = { hidden: 768, layers: 12, intermediate: 2048, heads: 12, vocabulary: 32000, positions: 2048 };

const BYTES_PER_WEIGHT = 2;
/** Of about the deviation of a trained model's weights. */
const LARGEST_WEIGHT = 0.05;
const ONE = 0x3f80;

/** [name, shape] of each tensor, in the order of the file. */
function tensorsOf({ hidden, layers, intermediate, vocabulary }) {
  const blocks = Array.from({ length: layers }, (_, layer) => {
    const block = `model.layers.${layer}`;
    return [
      [`${block}.input_layernorm.weight`, [hidden]],
      ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) => [
        `${block}.self_attn.${name}.weight`,
        [hidden, hidden],
      ]),
      [`${block}.post_attention_layernorm.weight`, [hidden]],
      [`${block}.mlp.gate_proj.weight`, [intermediate, hidden]],
      [`${block}.mlp.up_proj.weight`, [intermediate, hidden]],
      [`${block}.mlp.down_proj.weight`, [hidden, intermediate]],
    ];
  });
  return [
    ['model.embed_tokens.weight', [vocabulary, hidden]],
    ...blocks.flat(),
    ['model.norm.weight', [hidden]],
    ['lm_head.weight', [vocabulary, hidden]],
  ];
}

const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

/** Uniform numbers from a 32-bit state that must not be 0 (xorshift, Marsaglia 2003), cut to bf16. */
function fillRandom(weights, state) {
  const f32 = new Float32Array(1);
  const bits = new Uint32Array(f32.buffer);
  for (let i = 0; i < weights.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    f32[0] = (state / 2 ** 31) * LARGEST_WEIGHT;
    weights[i] = bits[0] >>> 16;
  }
  return state;
}

/** The same weights for the same size and seed. */
export async function writeRandomLlama(folder, size, seed = 1) {
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: size.hidden,
    num_hidden_layers: size.layers,
    intermediate_size: size.intermediate,
    num_attention_heads: size.heads,
    num_key_value_heads: size.heads,
    max_position_embeddings: size.positions,
    vocab_size: size.vocabulary,
    tie_word_embeddings: false,
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    torch_dtype: 'bfloat16',
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));

  const tensors = tensorsOf(size);
  const header = {};
  let offset = 0;
  for (const [name, shape] of tensors) {
    const end = offset + BYTES_PER_WEIGHT * sizeOf(shape);
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));

  const file = await open(join(folder, 'model.safetensors'), 'w');
  try {
    await file.writeFile(length);
    await file.writeFile(json);
    let state = seed;
    for (const [, shape] of tensors) {
      const weights = new Uint16Array(sizeOf(shape));
      if (shape.length === 1) weights.fill(ONE);
      else state = fillRandom(weights, state);
      await file.writeFile(weights);
    }
  } finally {
    await file.close();
  }
}
