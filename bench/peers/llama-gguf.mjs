// The random Llama of random-llama.mjs as llama.cpp reads it: the same weights under its names, and a vocabulary of as many
// words that mean nothing.

import { EPSILON, randomWeights, tensorsOf } from '../random-llama.mjs';
import { writeGguf } from './gguf.mjs';

const outer = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
};
const inner = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};

function nameOf(tensor) {
  const name = tensor.replace(/\.weight$/, '');
  const [, block, part] = /^model\.layers\.(\d+)\.(.*)$/.exec(name) ?? [];
  return `${block === undefined ? outer[name] : `blk.${block}.${inner[part]}`}.weight`;
}

/**
 * Rows of q_proj and k_proj in the order of llama.cpp: it turns neighbours of a head, (2i, 2i + 1), where Hugging Face turns
 * (i, i + half a head).
 */
function interleaved(weights, [rows, columns], heads) {
  const half = rows / heads / 2;
  const out = new Float32Array(weights.length);
  for (let row = 0; row < rows; row++) {
    const inHead = row % (2 * half);
    const to = row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
    out.set(weights.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return out;
}

/** Kinds of tokens in llama.cpp. */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const BYTE = 6;

/** Tokens of a SentencePiece vocabulary: three of control, one for each byte, and words. */
const vocabularyOf = (size) =>
  Array.from({ length: size }, (_, id) => {
    if (id < 3) return { token: ['<unk>', '<s>', '</s>'][id], type: id === 0 ? UNKNOWN : CONTROL };
    if (id < 259) return { token: `<0x${(id - 3).toString(16).toUpperCase().padStart(2, '0')}>`, type: BYTE };
    return { token: `word${id}`, type: NORMAL };
  });

/** What `general.file_type` is called for files whose matrices are of one type. */
const fileTypes = { f32: 0, f16: 1, q8_0: 7 };

/** Writes the model of this size and seed 1; `type` is that of its matrices: f32, f16 or q8_0. */
export async function writeRandomLlamaGguf(path, size, type) {
  const vocabulary = vocabularyOf(size.vocabulary);
  const tensors = tensorsOf(size);
  await writeGguf(
    path,
    [
      ['general.architecture', 'string', 'llama'],
      ['general.name', 'string', 'random'],
      ['general.file_type', 'u32', fileTypes[type]],
      ['llama.context_length', 'u32', size.positions],
      ['llama.embedding_length', 'u32', size.hidden],
      ['llama.block_count', 'u32', size.layers],
      ['llama.feed_forward_length', 'u32', size.intermediate],
      ['llama.attention.head_count', 'u32', size.heads],
      ['llama.attention.head_count_kv', 'u32', size.heads],
      ['llama.attention.layer_norm_rms_epsilon', 'f32', EPSILON],
      ['llama.rope.dimension_count', 'u32', size.hidden / size.heads],
      ['llama.vocab_size', 'u32', size.vocabulary],
      ['tokenizer.ggml.model', 'string', 'llama'],
      ['tokenizer.ggml.tokens', 'array', ['string', vocabulary.map(({ token }) => token)]],
      ['tokenizer.ggml.scores', 'array', ['f32', vocabulary.map((_, id) => -id)]],
      ['tokenizer.ggml.token_type', 'array', ['i32', vocabulary.map((word) => word.type)]],
      ['tokenizer.ggml.unknown_token_id', 'u32', 0],
      ['tokenizer.ggml.bos_token_id', 'u32', 1],
      ['tokenizer.ggml.eos_token_id', 'u32', 2],
    ],
    tensors.map(([name, shape]) => ({ name: nameOf(name), shape, type: shape.length > 1 ? type : 'f32' })),
    weightsOf(tensors, size),
  );
}

function* weightsOf(tensors, size) {
  let next = 0;
  for (const weights of randomWeights(size)) {
    const [name, shape] = tensors[next++];
    yield /\.[qk]_proj\./.test(name) ? interleaved(weights, shape, size.heads) : weights;
  }
}
