// Writes a Llama with random weights to a folder, in the form of Hugging Face: the speed of a model does not depend on what
// it has learnt, and a size, a dtype and a share of zeros of one's own choosing need no download.

import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** 134 million parameters: the size of SmolLM-135M and OPT-125m. */
export const SMALL = { hidden: 768, layers: 12, intermediate: 2048, heads: 12, vocabulary: 32000, positions: 2048 };

/** 1.26 billion parameters: the blocks of TinyLlama-1.1B, with a head of keys and values for each head. */
export const LARGE = {
  hidden: 2048,
  layers: 22,
  intermediate: 5632,
  heads: 32,
  vocabulary: 32000,
  positions: 2048,
};

export const EPSILON = 1e-5;

/** Of about the deviation of a trained model's weights. */
const LARGEST_WEIGHT = 0.05;

/** [name, shape] of each tensor, in the order of the file. */
export function tensorsOf({ hidden, layers, intermediate, vocabulary }) {
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

/** Uniform numbers from a 32-bit state that must not be 0 (xorshift, Marsaglia 2003), the share `sparsity` of them 0. */
function fillRandom(weights, sparsity, state) {
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
  for (let i = 0; i < weights.length; i++) weights[i] = Math.abs(next()) < sparsity ? 0 : next() * LARGEST_WEIGHT;
  return state;
}

/** The weights of each tensor, one after the other: the same for the same size and seed. */
export function* randomWeights(size, { sparsity = 0, seed = 1 } = {}) {
  let state = seed;
  for (const [name, shape] of tensorsOf(size)) {
    const weights = new Float32Array(sizeOf(shape)).fill(1);
    if (shape.length > 1) state = fillRandom(weights, /_proj/.test(name) ? sparsity : 0, state);
    yield weights;
  }
}

/** The upper halves of the numbers' bits. */
function bf16(weights) {
  const bits = new Uint32Array(weights.buffer);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) halves[i] = bits[i] >>> 16;
  return halves;
}

/**
 * Writes a folder with `randomWeights`.
 * @param options dtype: 'F32' or 'BF16'; sparsity: share of zeros in the linear layers of the blocks
 */
export async function writeRandomLlama(folder, size, { dtype = 'F32', ...of } = {}) {
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
    rms_norm_eps: EPSILON,
    torch_dtype: dtype === 'F32' ? 'float32' : 'bfloat16',
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));

  const tensors = tensorsOf(size);
  const header = {};
  let offset = 0;
  for (const [name, shape] of tensors) {
    const end = offset + (dtype === 'F32' ? 4 : 2) * sizeOf(shape);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));

  const file = await open(join(folder, 'model.safetensors'), 'w');
  try {
    await file.writeFile(length);
    await file.writeFile(json);
    for (const weights of randomWeights(size, of)) await file.writeFile(dtype === 'F32' ? weights : bf16(weights));
  } finally {
    await file.close();
  }
}
