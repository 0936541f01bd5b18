// A Llama as llama.cpp reads it, the same weights under its names: the random one of random-llama.mjs, with a vocabulary of as
// many words that mean nothing, or a folder of Hugging Face's layout with its own.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../dist/internals.js';
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

/**
 * Writes a Llama without biases whose rotary positions are of one base.
 * @param size hidden, layers, intermediate, heads, vocabulary, positions
 * @param vocabulary { token, type } of each id, in the order of their merges
 * @param tensors [name, shape] in the order of `weights`
 * @param type that of the matrices: f32, f16 or q8_0
 */
async function writeLlamaGguf(path, { name, size, vocabulary, tensors, weights, type }) {
  await writeGguf(
    path,
    [
      ['general.architecture', 'string', 'llama'],
      ['general.name', 'string', name],
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
    turned(tensors, weights, size.heads),
  );
}

async function* turned(tensors, weights, heads) {
  let next = 0;
  for await (const values of weights) {
    const [name, shape] = tensors[next++];
    yield /\.[qk]_proj\./.test(name) ? interleaved(values, shape, heads) : values;
  }
}

/** Writes the random model of this size and seed 1. */
export const writeRandomLlamaGguf = (path, size, type) =>
  writeLlamaGguf(path, {
    name: 'random',
    size,
    vocabulary: vocabularyOf(size.vocabulary),
    tensors: tensorsOf(size),
    weights: randomWeights(size),
    type,
  });

/** Writes the model of a folder, matrices as f16: a Llama with as many heads of keys as of queries, and SentencePiece's words. */
export async function writeFolderGguf(path, folder) {
  const read = (file) => JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const config = read('config.json');
  const words = Object.entries(read('tokenizer.json').model.vocab).sort(([, a], [, b]) => a - b);
  const checkpoint = await openCheckpoint(folder);
  try {
    const tensors = checkpoint.names().map((name) => [name, checkpoint.info(name).shape]);
    await writeLlamaGguf(path, {
      name: config.model_type,
      size: {
        hidden: config.hidden_size,
        layers: config.num_hidden_layers,
        intermediate: config.intermediate_size,
        heads: config.num_attention_heads,
        vocabulary: config.vocab_size,
        positions: config.max_position_embeddings,
      },
      vocabulary: words.map(([token, id]) => ({ token, type: typeOf(token, id) })),
      tensors,
      weights: weightsIn(checkpoint, tensors),
      type: 'f16',
    });
  } finally {
    await checkpoint.close();
  }
}

const typeOf = (token, id) => (id === 0 ? UNKNOWN : id < 3 ? CONTROL : /^<0x..>$/.test(token) ? BYTE : NORMAL);

async function* weightsIn(checkpoint, tensors) {
  for (const [name, shape] of tensors) yield checkpoint.readFloats(name, shape);
}
