// Llama (arXiv 2302.13971 and its successors): RMSNorm, rotary embedding, grouped heads, a SiLU-gated MLP.
// Follows LlamaForCausalLM of transformers; the names of tensors and of config keys are Hugging Face's.

import type { ConfigReader } from '../checkpoint/config.js';
import { ConfigError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Family, Graph, LinearLayer, ModelConfig, Pass, Weights } from './graph.js';
import { project, tensorOf } from './parts.js';
import { ropeFrequencies, ropeTables } from './rope.js';

interface LlamaConfig extends ModelConfig {
  intermediate_size: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  head_dim: number;
  rms_norm_eps: number;
  attention_bias: boolean;
  mlp_bias: boolean;
  tie_word_embeddings: boolean;
  rope_frequencies: Float32Array;
}

/** Reads config.json with transformers' defaults; numbers that contradict each other are an error. */
function readLlamaConfig(config: ConfigReader): LlamaConfig {
  const fail = (expected: string, got: unknown) => {
    throw new ConfigError({ expected, got: JSON.stringify(got), where: config.where });
  };
  const hidden_size = config.positiveInteger('hidden_size', 4096);
  const num_attention_heads = config.positiveInteger('num_attention_heads', 32);
  const num_key_value_heads = config.positiveInteger('num_key_value_heads', num_attention_heads);
  const head_dim = config.positiveInteger('head_dim', Math.floor(hidden_size / num_attention_heads));
  const hidden_act = config.text('hidden_act', 'silu');
  if (config.isMissing('head_dim') && hidden_size % num_attention_heads !== 0)
    fail('hidden_size divisible by num_attention_heads', [hidden_size, num_attention_heads]);
  if (num_attention_heads % num_key_value_heads !== 0)
    fail('num_attention_heads divisible by num_key_value_heads', [num_attention_heads, num_key_value_heads]);
  if (head_dim % 2 !== 0) fail('an even head_dim (rotary embedding turns pairs)', head_dim);
  if (hidden_act !== 'silu') fail('hidden_act "silu", the only activation of this version', hidden_act);
  return {
    model_type: config.text('model_type'),
    vocab_size: config.positiveInteger('vocab_size', 32000),
    hidden_size,
    num_hidden_layers: config.positiveInteger('num_hidden_layers', 32, 10_000),
    key_width: num_key_value_heads * head_dim,
    max_position_embeddings: config.positiveInteger('max_position_embeddings', 2048),
    intermediate_size: config.positiveInteger('intermediate_size', 11008),
    num_attention_heads,
    num_key_value_heads,
    head_dim,
    rms_norm_eps: config.positiveNumber('rms_norm_eps', 1e-6),
    attention_bias: config.boolean('attention_bias', false),
    mlp_bias: config.boolean('mlp_bias', false),
    tie_word_embeddings: config.boolean('tie_word_embeddings', false),
    rope_frequencies: ropeFrequencies(config.rope(10000), head_dim),
  };
}

/** Linear layers of a block, in the paper's order. */
function linearLayers(config: LlamaConfig): LinearLayer[] {
  const { hidden_size, intermediate_size, key_width, num_attention_heads, num_key_value_heads, head_dim } = config;
  const width = num_attention_heads * head_dim;
  const grouped = num_key_value_heads !== num_attention_heads;
  const layer = (name: string, rows: number, columns: number, input: string, feeds: string | null) => ({
    name,
    rows,
    columns,
    input,
    feeds,
  });
  // With grouped heads a row of k or v serves several heads: q, k and v then keep one sparsity for all rows.
  const toOutput = grouped ? null : 'self_attn.o_proj';
  return [
    layer('self_attn.q_proj', width, hidden_size, 'self_attn.q_proj', toOutput),
    layer('self_attn.k_proj', key_width, hidden_size, 'self_attn.q_proj', toOutput),
    layer('self_attn.v_proj', key_width, hidden_size, 'self_attn.q_proj', toOutput),
    layer('self_attn.o_proj', hidden_size, width, 'self_attn.o_proj', 'mlp.gate_proj'),
    layer('mlp.gate_proj', intermediate_size, hidden_size, 'mlp.gate_proj', 'mlp.down_proj'),
    layer('mlp.up_proj', intermediate_size, hidden_size, 'mlp.gate_proj', 'mlp.down_proj'),
    // The next block's first layer sees the same input in both passes: its difference is exactly 0.
    layer('mlp.down_proj', hidden_size, intermediate_size, 'mlp.down_proj', null),
  ];
}

class LlamaGraph implements Graph {
  readonly linears: readonly LinearLayer[];
  readonly blockShapes: ReadonlyMap<string, readonly number[]>;
  readonly outerShapes: ReadonlyMap<string, readonly number[]>;
  readonly aliases: ReadonlyMap<string, string>;

  constructor(readonly config: LlamaConfig) {
    const { hidden_size, vocab_size, attention_bias, mlp_bias, tie_word_embeddings } = config;
    this.linears = linearLayers(config);
    const shapes: [string, number[]][] = [
      ['input_layernorm.weight', [hidden_size]],
      ['post_attention_layernorm.weight', [hidden_size]],
    ];
    for (const { name, rows, columns } of this.linears) {
      shapes.push([`${name}.weight`, [rows, columns]]);
      if (name.startsWith('mlp.') ? mlp_bias : attention_bias) shapes.push([`${name}.bias`, [rows]]);
    }
    this.blockShapes = new Map(shapes);
    this.outerShapes = new Map([
      ['model.embed_tokens.weight', [vocab_size, hidden_size]],
      ['model.norm.weight', [hidden_size]],
      ...(tie_word_embeddings ? [] : [['lm_head.weight', [vocab_size, hidden_size]] as const]),
    ]);
    this.aliases = new Map(tie_word_embeddings ? [['model.embed_tokens.weight', 'lm_head.weight']] : []);
  }

  prefix(block: number): string {
    return `model.layers.${block}.`;
  }

  positions(backend: Pass['backend'], length: number): Weights {
    return ropeTables(backend, this.config.rope_frequencies, length);
  }

  embed({ backend }: Pass, outer: Weights, ids: Tensor<'i32'>, x: Tensor<'f32'>): void {
    backend.embed(x, ids, tensorOf(outer, 'model.embed_tokens.weight'));
  }

  block(
    pass: Pass,
    weights: Weights,
    x: Tensor<'f32'>,
    y: Tensor<'f32'> | null,
    cache?: { keys: Tensor<'f32'>; values: Tensor<'f32'> },
  ): void {
    const { backend, workspace, tables, sequences, queries, start } = pass;
    const { hidden_size, intermediate_size, key_width, head_dim, rms_norm_eps } = this.config;
    const heads = this.config.num_attention_heads;
    const kvHeads = this.config.num_key_value_heads;
    const tokens = sequences * queries;
    const take = (name: string, width: number) => workspace.take(name, 'f32', [tokens, width]);

    // Attention: new keys and values go to the cache where there is one.
    const normed = take('normed', hidden_size);
    const q = take('q', heads * head_dim);
    const k = cache ? cache.keys.rows(start, start + queries) : take('k', key_width);
    const v = cache ? cache.values.rows(start, start + queries) : take('v', key_width);
    backend.rmsNorm(normed, x, tensorOf(weights, 'input_layernorm.weight'), rms_norm_eps);
    pass.observe?.('self_attn.q_proj', normed);
    project(pass, weights, 'self_attn.q_proj', normed, q);
    project(pass, weights, 'self_attn.k_proj', normed, k);
    project(pass, weights, 'self_attn.v_proj', normed, v);
    const [cos, sin] = [tensorOf(tables, 'cos'), tensorOf(tables, 'sin')];
    backend.rope(q, cos, sin, { heads, headDim: head_dim, start, period: queries });
    backend.rope(k, cos, sin, { heads: kvHeads, headDim: head_dim, start, period: queries });
    const mixed = take('mixed', heads * head_dim);
    const keys = cache ? start + queries : queries;
    const [allK, allV] = cache ? [cache.keys.rows(0, keys), cache.values.rows(0, keys)] : [k, v];
    const shape = { heads, kvHeads, headDim: head_dim, sequences, queries, keys, scale: 1 / Math.sqrt(head_dim) };
    backend.attention(mixed, q, allK, allV, shape);
    pass.observe?.('self_attn.o_proj', mixed);
    const residual = take('residual', hidden_size);
    project(pass, weights, 'self_attn.o_proj', mixed, normed);
    backend.add(residual, x, normed);

    // MLP.
    const gate = take('gate', intermediate_size);
    const up = take('up', intermediate_size);
    backend.rmsNorm(normed, residual, tensorOf(weights, 'post_attention_layernorm.weight'), rms_norm_eps);
    pass.observe?.('mlp.gate_proj', normed);
    project(pass, weights, 'mlp.gate_proj', normed, gate);
    project(pass, weights, 'mlp.up_proj', normed, up);
    backend.siluGate(gate, gate, up);
    pass.observe?.('mlp.down_proj', gate);
    if (!y) return;
    project(pass, weights, 'mlp.down_proj', gate, normed);
    backend.add(y, residual, normed);
  }

  logits({ backend, workspace }: Pass, outer: Weights, logits: Tensor<'f32'>, x: Tensor<'f32'>): void {
    const { hidden_size, rms_norm_eps, tie_word_embeddings } = this.config;
    const normed = workspace.take('normed', 'f32', [x.rowCount, hidden_size]);
    backend.rmsNorm(normed, x, tensorOf(outer, 'model.norm.weight'), rms_norm_eps);
    const head = tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
    backend.linear(logits, normed, tensorOf(outer, head), null);
  }
}

export const llama: Family = {
  modelTypes: ['llama'],
  graph: (config) => new LlamaGraph(readLlamaConfig(config)),
};
