// For tests only: Llama and the NeuroAL search written down once more, in plain f64 loops straight from the papers, and
// without a line of src/. Slow and for tiny models; what the library computes is held against it.

import type { TinyConfig, TinyTensors } from './tiny-llama.js';

type Rows = number[][];

/** Names of the linear layers of a block, each with the one whose input it shares. */
export const layers: [name: string, input: string][] = [
  ['self_attn.q_proj', 'self_attn.q_proj'],
  ['self_attn.k_proj', 'self_attn.q_proj'],
  ['self_attn.v_proj', 'self_attn.q_proj'],
  ['self_attn.o_proj', 'self_attn.o_proj'],
  ['mlp.gate_proj', 'mlp.gate_proj'],
  ['mlp.up_proj', 'mlp.gate_proj'],
  ['mlp.down_proj', 'mlp.down_proj'],
];

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const dot = (a: number[], b: number[]) => sum(a.map((v, i) => v * b[i]));

/** A stored matrix as rows. */
export function matrix(tensors: TinyTensors, name: string): Rows {
  const { shape, values } = tensors[name];
  return Array.from({ length: shape[0] }, (_, r) => values.slice(r * shape[1], (r + 1) * shape[1]));
}

const linear = (x: Rows, w: Rows): Rows => x.map((row) => w.map((weights) => dot(row, weights)));

function norm(x: Rows, weight: number[], eps: number): Rows {
  return x.map((row) => {
    const scale = 1 / Math.sqrt(sum(row.map((v) => v * v)) / row.length + eps);
    return row.map((v, i) => v * scale * weight[i]);
  });
}

/** Rotates the pairs (i, i + half) of every head by position · 10000^(−2i/width). */
function rotate(x: Rows, heads: number): Rows {
  const width = x[0].length / heads;
  return x.map((row, position) =>
    row.map((v, c) => {
      const i = c % width;
      const half = width / 2;
      const angle = position * 10000 ** ((-2 * (i % half)) / width);
      return v * Math.cos(angle) + (i < half ? -row[c + half] : row[c - half]) * Math.sin(angle);
    }),
  );
}

function attention(q: Rows, k: Rows, v: Rows, heads: number, kvHeads: number): Rows {
  const width = q[0].length / heads;
  return q.map((_, t) =>
    Array.from({ length: heads }, (_, head) => {
      const from = Math.floor((head * kvHeads) / heads) * width;
      const part = (row: number[], begin: number) => row.slice(begin, begin + width);
      const seen = k.slice(0, t + 1).map((key) => dot(part(q[t], head * width), part(key, from)) / Math.sqrt(width));
      const top = Math.max(...seen);
      const weights = seen.map((s) => Math.exp(s - top));
      const total = sum(weights);
      return Array.from({ length: width }, (_, c) => sum(weights.map((w, j) => w * v[j][from + c])) / total);
    }).flat(),
  );
}

export interface BlockPass {
  /** Input of every linear layer that does not share one. */
  inputs: Record<string, Rows>;
  out: Rows;
}

/** One block on one sequence; `weights` gives the matrix of a linear layer. */
export function plainBlock(
  tensors: TinyTensors,
  config: TinyConfig,
  block: number,
  x: Rows,
  weights: (name: string) => Rows = (name) => matrix(tensors, `model.layers.${block}.${name}.weight`),
): BlockPass {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, rms_norm_eps } = config;
  const vector = (name: string) => tensors[`model.layers.${block}.${name}.weight`].values;
  const add = (a: Rows, b: Rows) => a.map((row, r) => row.map((v, c) => v + b[r][c]));
  const normed = norm(x, vector('input_layernorm'), rms_norm_eps);
  const q = rotate(linear(normed, weights('self_attn.q_proj')), heads);
  const k = rotate(linear(normed, weights('self_attn.k_proj')), kvHeads);
  const mixed = attention(q, k, linear(normed, weights('self_attn.v_proj')), heads, kvHeads);
  const residual = add(x, linear(mixed, weights('self_attn.o_proj')));
  const second = norm(residual, vector('post_attention_layernorm'), rms_norm_eps);
  const up = linear(second, weights('mlp.up_proj'));
  const gated = linear(second, weights('mlp.gate_proj')).map((row, r) =>
    row.map((g, c) => (g / (1 + Math.exp(-g))) * up[r][c]),
  );
  return {
    inputs: {
      'self_attn.q_proj': normed,
      'self_attn.o_proj': mixed,
      'mlp.gate_proj': second,
      'mlp.down_proj': gated,
    },
    out: add(residual, linear(gated, weights('mlp.down_proj'))),
  };
}

export const plainEmbed = (tensors: TinyTensors, ids: number[]): Rows =>
  ids.map((id) => matrix(tensors, 'model.embed_tokens.weight')[id]);

/** Logits of every position of one sequence. */
export function plainLogits(tensors: TinyTensors, config: TinyConfig, ids: number[]): Rows {
  let x = plainEmbed(tensors, ids);
  for (let b = 0; b < config.num_hidden_layers; b++) x = plainBlock(tensors, config, b, x).out;
  const head = config.tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  return linear(norm(x, tensors['model.norm.weight'].values, config.rms_norm_eps), matrix(tensors, head));
}

/** For each block and layer, the sparsity of each row, and how a row's count follows from it. */
export interface PlainCandidate {
  sparsity: (block: number, layer: string, row: number) => number;
  /** Weights of a row of `columns` to remove. */
  removed: (columns: number, sparsity: number) => number;
}

/** √(mean over sequences of the squared norm) of every input of a layer. */
function activations(inputs: Rows[]): number[] {
  return inputs[0][0].map((_, c) =>
    Math.sqrt(sum(inputs.map((x) => sum(x.map((row) => row[c] ** 2)))) / inputs.length),
  );
}

export interface PlainAlignment {
  misalignment: number;
  /** δ of each block, by the layer's input. */
  differences: Record<string, number[]>[];
  /** Masked weights of each block, by layer. */
  masked: Map<string, Rows>[];
}

/** §7 of the algorithms page with Wanda's scores, one candidate from the first block to the last. */
export function plainAlignment(
  tensors: TinyTensors,
  config: TinyConfig,
  windows: number[][],
  { sparsity, removed }: PlainCandidate,
): PlainAlignment {
  let states = windows.map((ids) => plainEmbed(tensors, ids));
  let misalignment = 0;
  const differences: Record<string, number[]>[] = [];
  const all: Map<string, Rows>[] = [];
  for (let b = 0; b < config.num_hidden_layers; b++) {
    const observe = (passes: BlockPass[]) =>
      Object.fromEntries(Object.keys(passes[0].inputs).map((i) => [i, activations(passes.map((p) => p.inputs[i]))]));
    const dense = observe(states.map((x) => plainBlock(tensors, config, b, x)));
    const masked = (name: string): Rows => {
      const a = dense[layers.find(([layer]) => layer === name)![1]];
      return matrix(tensors, `model.layers.${b}.${name}.weight`).map((row, r) => {
        const order = row.map((_, c) => c).sort((i, j) => Math.abs(row[i]) * a[i] - Math.abs(row[j]) * a[j] || i - j);
        const gone = new Set(order.slice(0, removed(row.length, sparsity(b, name, r))));
        return row.map((v, c) => (gone.has(c) ? 0 : v));
      });
    };
    const weights = new Map(layers.map(([name]) => [name, masked(name)]));
    const sparsePasses = states.map((x) => plainBlock(tensors, config, b, x, (name) => weights.get(name)!));
    const sparse = observe(sparsePasses);
    for (const [, input] of layers) {
      const [d, s] = [dense[input], sparse[input]];
      const [totalD, totalS] = [sum(d), sum(s)];
      misalignment += Math.hypot(...d.map((v, c) => v / totalD - s[c] / totalS)) / d.length;
    }
    differences.push(
      Object.fromEntries(Object.entries(dense).map(([input, d]) => [input, d.map((v, c) => v - sparse[input][c])])),
    );
    all.push(weights);
    states = sparsePasses.map(({ out }) => out);
  }
  return { misalignment, differences, masked: all };
}
