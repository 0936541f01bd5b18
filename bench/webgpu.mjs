// The WebGPU backend on a GPU, each part a table: dense layers of many tokens beside what the GPU can do with multiply-adds,
// of one token beside what it can copy, attention, whole models, the search of NeuroAL beside the CPU's. Times are the host's
// clock around many calls and one read. The parts come in the order of what one wants to know first.

import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadModel, measureSpeed, prune } from '../dist/index.js';
import { ColumnMatrix, Int8Matrix, openBackend, openGpu, patternsOf, toInt8, valuesOf } from '../dist/internals.js';
import { gpuCeilings } from './ceilings/gpu.mjs';
import { runs } from './contest/turns.mjs';
import { median } from './machine.mjs';
import { LARGE, SMALL, writeRandomLlama } from './random-llama.mjs';
import { figure, percent, ratio, spread } from './table.mjs';

/** TINY=1: everything so small that a GPU that is a program gets through it; the figures then say nothing. */
const tiny = process.env.TINY !== undefined;
/** What the vendor says of the GPU: TFLOP/s of multiply-adds in f32, GB/s of its memory. */
const peak = { tflops: Number(process.env.PEAK_TFLOPS ?? 0), gbs: Number(process.env.PEAK_GBS ?? 0) };

/** Seconds of a sample. */
const SECONDS = tiny ? 0.02 : 0.25;
const DTYPES = ['f32', 'bf16', 'f16'];
const WIDTH = tiny ? 256 : 4096;
const TOKENS = tiny ? [8, 32] : [128, 512, 2048, 4096];
const ROWS = tiny ? [256, 688] : [4096, 11008];
/** Bytes of the matrices that a sample of one token goes through in turn: more than any cache holds. */
const MANY_BYTES = tiny ? 2 ** 22 : 2 ** 29;
const WIDEST = tiny ? { hidden: 64, layers: 2, intermediate: 128, heads: 2, vocabulary: 512, positions: 2048 } : LARGE;
const SMALLER = tiny ? WIDEST : SMALL;
const PROMPT = tiny ? { promptTokens: 32, newTokens: 4 } : { promptTokens: 512, newTokens: 64 };

/** The GPU, and its adapter in words: its names and what it can. Errors: no package, no adapter. */
export async function adapterOf() {
  const { gpu, noAdapter } = await openGpu();
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error(`no adapter: ${noAdapter}`);
  const { vendor, architecture, device, description } = adapter.info;
  const features = ['timestamp-query', 'shader-f16', 'subgroups'].filter((name) => adapter.features.has(name));
  return {
    gpu,
    about: [vendor, architecture, device, description, ...features].filter(Boolean).join(', '),
  };
}

/** Seconds of one call, in so many samples: each is as many calls as take SECONDS, and one read. */
async function measure(call, read) {
  const sample = async (times) => {
    const started = performance.now();
    for (let i = 0; i < times; i++) call(i);
    await read();
    return (performance.now() - started) / 1000;
  };
  await sample(2); // compiles
  let times = 1;
  let took = await sample(times);
  while (took < SECONDS / 2) {
    times *= 4;
    took = await sample(times);
  }
  times = Math.ceil((times * SECONDS) / took);
  const samples = [];
  for (let i = 0; i < runs; i++) samples.push((await sample(times)) / times);
  return samples;
}

/** 2²⁰ numbers within ±0.05 (16 bits: of like size), over and over. */
function weights(dtype, size) {
  const block = Math.min(size, 2 ** 20);
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
  const draw = {
    f32: () => (next() / 2 ** 31 - 1) * 0.05,
    bf16: () => 0x3c80 | ((next() >>> 16) & 0x807f), // of 2⁻⁶ … 2⁻⁵
    f16: () => 0x2400 | ((next() >>> 16) & 0x83ff),
  }[dtype];
  const values = new (dtype === 'f32' ? Float32Array : Uint16Array)(size);
  for (let i = 0; i < block; i++) values[i] = draw();
  for (let at = block; at < size; at *= 2) values.copyWithin(at, 0, Math.min(at, size - at));
  return values;
}

/** A tensor with these values. */
function held(backend, dtype, values, ...shape) {
  const tensor = backend.allocate(dtype, shape);
  backend.write(tensor, values);
  return tensor;
}

/** Throws unless the last number of y = x·Wᵀ is right: a fast wrong product is no figure. */
async function expectProduct(backend, y, x, w, dtype, columns) {
  const got = (await backend.read(y.rows(y.rowCount - 1, y.rowCount))).at(-1);
  const row = w.subarray(w.length - columns);
  const factors = dtype === 'f32' ? row : valuesOf(dtype, row);
  let [sum, size] = [0, 0];
  for (let i = 0; i < columns; i++) {
    const term = x.at(i - columns) * factors[i];
    sum += term;
    size += Math.abs(term);
  }
  if (!(Math.abs(got - sum) <= 1e-5 * size)) throw new Error(`expected a product of ${sum}, got ${got}`);
}

async function linearTable({ backend, ceilings }) {
  const rows = [];
  for (const dtype of DTYPES) {
    const values = weights(dtype, WIDTH * WIDTH);
    const w = held(backend, dtype, values, WIDTH, WIDTH);
    for (const tokens of TOKENS) {
      const input = weights('f32', tokens * WIDTH);
      const [x, y] = [held(backend, 'f32', input, tokens, WIDTH), backend.allocate('f32', [tokens, WIDTH])];
      const call = () => backend.linear(y, x, w, null);
      const seconds = await measure(call, () => backend.read(y.rows(0, 1)));
      await expectProduct(backend, y, input, values, dtype, WIDTH);
      const rate = median(seconds.map((s) => (2 * WIDTH * WIDTH * tokens) / s));
      rows.push([
        dtype,
        String(tokens),
        spread(seconds.map((s) => 1000 * s)),
        figure(rate / 1e12),
        percent(rate / median(ceilings.arithmetic.host)),
        peak.tflops ? percent(rate / 1e12 / peak.tflops) : '–',
      ]);
      for (const tensor of [x, y]) backend.free(tensor);
    }
    backend.free(w);
  }
  return {
    title: `Dense layers of ${WIDTH}×${WIDTH}, many tokens`,
    notes: [
      `${runs} samples of at least ${SECONDS} s. The ceiling: f32 multiply-adds on registers, measured above. ${ofVendor()}`,
    ],
    head: ['weights', 'T', 'ms', 'TFLOP/s', 'of ceiling', 'of peak'],
    rows,
  };
}

const ofVendor = () =>
  peak.tflops || peak.gbs
    ? `The peak is the vendor's figure, not measured: ${[peak.tflops && `${peak.tflops} TFLOP/s of f32 without tensor cores`, peak.gbs && `${peak.gbs} GB/s`].filter(Boolean).join(', ')}.`
    : '';

async function ceilingsTable({ ceilings: { arithmetic, copy, read } }) {
  const row = (name, { host, gpu }, unit, most) => [
    name,
    spread(host.map((r) => r / unit)),
    gpu ? spread(gpu.map((r) => r / unit)) : '–',
    most ? percent(median(host) / unit / most) : '–',
  ];
  return {
    title: 'What the GPU can do at most, by shaders that do nothing else',
    notes: [`${runs} samples of at least ${SECONDS} s, by the host's clock and by the GPU's. ${ofVendor()}`],
    head: ['', 'host', 'GPU', 'of peak'],
    rows: [
      row('f32 multiply-adds on registers, TFLOP/s', arithmetic, 1e12, peak.tflops),
      row('memory copied, read and written, GB/s', copy, 1e9, peak.gbs),
      row('memory read, GB/s', read, 1e9, peak.gbs),
    ],
  };
}

async function tokenTable({ backend, ceilings }) {
  const rows = [];
  for (const count of ROWS)
    for (const dtype of DTYPES) {
      const values = weights(dtype, count * WIDTH);
      const matrices = Array.from({ length: Math.ceil(MANY_BYTES / values.byteLength) }, () =>
        held(backend, dtype, values, count, WIDTH),
      );
      const input = weights('f32', WIDTH);
      const [x, y] = [held(backend, 'f32', input, 1, WIDTH), backend.allocate('f32', [1, count])];
      const call = (i) => backend.linear(y, x, matrices[i % matrices.length], null);
      const seconds = await measure(call, () => backend.read(y));
      await expectProduct(backend, y, input, values, dtype, WIDTH);
      const rate = median(seconds.map((s) => values.byteLength / s));
      rows.push([
        `${count}×${WIDTH}`,
        dtype,
        spread(seconds.map((s) => 1e6 * s)),
        figure(rate / 1e9),
        percent(rate / median(ceilings.copy.host)),
        percent(rate / median(ceilings.read.host)),
        peak.gbs ? percent(rate / 1e9 / peak.gbs) : '–',
      ]);
      for (const tensor of [...matrices, x, y]) backend.free(tensor);
    }
  return {
    title: 'Dense layers of one token',
    notes: [
      `GB/s of weights, of ${figure(MANY_BYTES / 1e6)} MB of matrices in turn, beside memory copied and read as measured above. ${ofVendor()}`,
    ],
    head: ['layer', 'weights', 'µs', 'GB/s', 'of copied', 'of read', 'of peak'],
    rows,
  };
}

/** Every form of one matrix [n, n] of bf16 numbers, by name; each as many times as make MANY_BYTES, so that no cache holds it. */
function* formsOf(backend, values, n) {
  const turned = new Float32Array(values.length);
  for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) turned[c * n + r] = values[r * n + c];
  const many = (bytes, make) => Array.from({ length: Math.ceil(MANY_BYTES / bytes) }, make);
  const tensor = (dtype, of, ...shape) => held(backend, dtype, dtype === 'f32' ? of : patternsOf(dtype, of), ...shape);
  for (const [dtype, size] of [
    ['f32', 4],
    ['bf16', 2],
  ])
    yield [`dense ${dtype}`, 0, many(size * n * n, () => tensor(dtype, values, n, n))];
  const whole = toInt8(values, n, n);
  const int8 = () => new Int8Matrix(held(backend, 'i8', whole.values, n, n), held(backend, 'f32', whole.scale, n));
  yield ['int8', 0, many(n * n, int8)];
  const columns = (dtype) => () => new ColumnMatrix(tensor(dtype, turned, n, n));
  yield ['by columns f32', 0, many(4 * n * n, columns('f32'))];
  yield ['by columns bf16', 0, many(2 * n * n, columns('bf16'))];
  yield ['by columns bf16', 0.9, many(2 * n * n, columns('bf16'))];
  const dense = tensor('f32', values, n, n);
  for (const sparsity of [0.7, 0.9]) {
    backend.write(
      dense,
      values.map((v, i) => ((i * 7919) % 1000 < 1000 * sparsity ? 0 : v)),
    );
    const sparse = () => backend.compress(dense, 'bf16');
    yield [`sparse bf16, ${percent(sparsity)} zeros`, 0, many(4 * (1 - sparsity) * n * n, sparse), sparsity];
  }
  backend.free(dense);
}

/** int8, columns and sparse matrices beside dense ones; figures only of products that are right. */
async function formsTable({ backend }) {
  const values = valuesOf('bf16', weights('bf16', WIDTH * WIDTH));
  const rows = [];
  const first = {};
  for (const [name, zeros, matrices, sparsity = 0] of formsOf(backend, values, WIDTH)) {
    const figures = [];
    for (const tokens of [1, TOKENS[1]]) {
      const input = weights('f32', tokens * WIDTH).map((v, i) => ((i * 31) % 100 < 100 * zeros ? 0 : v));
      const [x, y] = [held(backend, 'f32', input, tokens, WIDTH), backend.allocate('f32', [tokens, WIDTH])];
      const call = (i) => backend.linear(y, x, matrices[i % matrices.length], null);
      const seconds = await measure(call, () => backend.read(y.rows(0, 1)));
      const got = (await backend.read(y.rows(tokens - 1, tokens))).at(-1);
      let [sum, size] = [0, 0];
      for (let c = 0; c < WIDTH; c++) {
        const at = (WIDTH - 1) * WIDTH + c;
        const term = (at * 7919) % 1000 < 1000 * sparsity ? 0 : input.at(c - WIDTH) * values[at];
        sum += term;
        size += Math.abs(term);
      }
      const most = name === 'int8' ? 1e-2 : 1e-5;
      if (!(Math.abs(got - sum) <= most * size)) throw new Error(`${name}: expected a product of ${sum}, got ${got}`);
      first[tokens] ??= seconds;
      figures.push(spread(seconds.map((s) => 1e6 * s)), ratio(first[tokens], seconds));
      for (const tensor of [x, y]) backend.free(tensor);
    }
    rows.push([name, zeros ? percent(zeros) : '–', ...figures]);
    for (const matrix of matrices) backend.free(matrix);
  }
  return {
    title: `Forms of a matrix of ${WIDTH}×${WIDTH}, beside dense f32`,
    notes: [
      `µs of a product of so many tokens, and how many times as fast as dense f32; for each form ${figure(MANY_BYTES / 1e6)} MB of matrices in turn. Zeros of the input are spread evenly.`,
    ],
    head: ['form', 'zeros of the input', 'T = 1, µs', '', `T = ${TOKENS[1]}, µs`, ''],
    rows,
  };
}

async function attentionTable({ backend, ceilings }) {
  const [headDim, heads] = tiny ? [16, 4] : [128, 32];
  const shapes = (tiny ? [16, 64] : [512, 2048]).map((keys) => ({ queries: keys, keys, kvHeads: heads }));
  for (const keys of tiny ? [64] : [512, 2048, 8192])
    for (const kvHeads of [heads, heads / 4]) shapes.push({ queries: 1, keys, kvHeads });
  const rows = [];
  for (const { queries, keys, kvHeads } of shapes) {
    const tensor = (count, width) => held(backend, 'f32', weights('f32', count * width), count, width);
    const q = tensor(queries, heads * headDim);
    const [k, v] = [tensor(keys, kvHeads * headDim), tensor(keys, kvHeads * headDim)];
    const y = backend.allocate('f32', [queries, heads * headDim]);
    const scale = 1 / Math.sqrt(headDim);
    const shape = { heads, kvHeads, headDim, sequences: 1, queries, keys, scale, window: null, softcap: null };
    const seconds = await measure(
      () => backend.attention(y, q, k, v, shape),
      () => backend.read(y.rows(0, 1)),
    );
    // Of the first token of a prompt one key, of the last all: half of them on average.
    const flop = 4 * heads * headDim * (queries === 1 ? keys : (queries * (queries + 1)) / 2);
    const bytes = 2 * 4 * keys * kvHeads * headDim;
    const middle = median(seconds);
    rows.push([
      queries === 1 ? 'decode' : 'prefill',
      String(queries),
      String(keys),
      `${heads} on ${kvHeads}`,
      spread(seconds.map((s) => 1e6 * s)),
      figure(flop / middle / 1e12),
      percent(flop / middle / median(ceilings.arithmetic.host)),
      queries === 1 ? figure(bytes / middle / 1e9) : '–',
    ]);
    for (const t of [q, k, v, y]) backend.free(t);
  }
  return {
    title: `Attention, heads of ${headDim}`,
    notes: ['TFLOP/s of the products that a causal mask leaves; GB/s of keys and values, which may come from a cache.'],
    head: ['', 'queries', 'keys', 'heads', 'µs', 'TFLOP/s', 'of ceiling', 'GB/s'],
    rows,
  };
}

async function modelTable(size, dtypes) {
  const folder = await mkdtemp(join(tmpdir(), 'neuroal-bench-'));
  const rows = [];
  let parameters = 0;
  try {
    for (const dtype of dtypes) {
      const path = join(folder, dtype);
      await mkdir(path);
      await writeRandomLlama(path, size, { dtype });
      const started = performance.now();
      const model = await loadModel(path, { backend: 'webgpu' });
      const loaded = (performance.now() - started) / 1000;
      try {
        const { prefill, decode } = await measureSpeed(model, { ...PROMPT, runs });
        parameters = model.parameters;
        rows.push([
          dtype.toLowerCase(),
          figure(model.bytes / 1e6),
          figure(loaded),
          figure(prefill.tokensPerSecond),
          figure((2 * parameters * prefill.tokensPerSecond) / 1e12),
          figure(decode.tokensPerSecond),
          figure((model.bytes * decode.tokensPerSecond) / 1e9),
        ]);
      } finally {
        await model.dispose();
      }
      await rm(path, { recursive: true });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const { hidden, layers, intermediate, heads, vocabulary } = size;
  return {
    title: `A Llama of ${(parameters / 1e6).toFixed(0)} million random parameters`,
    notes: [
      `Hidden ${hidden}, ${layers} layers, intermediate ${intermediate}, ${heads} heads, vocabulary ${vocabulary}; a prompt of ${PROMPT.promptTokens} tokens, then ${PROMPT.newTokens} one by one, read after each; medians of ${runs}. TFLOP/s count two for each parameter and token, GB/s all weights for each token.`,
    ],
    head: ['weights', 'MB', 's to load', 'prefill, tokens/s', 'TFLOP/s', 'decode, tokens/s', 'GB/s'],
    rows,
  };
}

async function searchTable() {
  const folder = await mkdtemp(join(tmpdir(), 'neuroal-bench-'));
  const windows = tiny
    ? { step: 'block', samples: 2, searchSamples: 2, seqLen: 32 }
    : { samples: 8, searchSamples: 8, seqLen: 512 };
  const plan = { method: 'wanda', topUp: 'neuroal', step: tiny ? 'block' : 'both', sparsity: 0.7, ...windows };
  try {
    const run = async (backend) => {
      const { seconds, search, engine } = await prune({ ...plan, backend, out: join(folder, 'pruned'), force: true });
      return { seconds: seconds.search, lambda: search.lambda, threads: engine.threads };
    };
    const first = await run('webgpu'); // compiles
    const [gpu, cpu] = [await run('webgpu'), await run('wasm')];
    const lambda = ({ lambda: { block, row } }) => `${block} and ${row}`;
    const row = (name, { seconds, ...more }) => [name, figure(seconds), ratio([cpu.seconds], [seconds]), lambda(more)];
    return {
      title: 'The search of NeuroAL on the embedded model',
      notes: [
        `Wanda's scores, 70 %, steps: ${plan.step}, ${windows.searchSamples} windows of ${windows.seqLen} tokens, once each. λ is ${lambda(gpu) === lambda(cpu) ? 'the same' : 'NOT the same'} on both.`,
      ],
      head: ['backend', 's', 'wasm takes', 'λ of blocks and rows'],
      rows: [
        row('webgpu, the first of a process', first),
        row('webgpu', gpu),
        row(`wasm, ${cpu.threads} threads`, cpu),
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function torchTable() {
  const program = fileURLToPath(new URL('peers/torch_cuda.py', import.meta.url));
  const args = [program, String(WIDTH), String(WIDTH), String(SECONDS), TOKENS.join(',')];
  const { status, stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8' });
  const title = `Dense layers of ${WIDTH}×${WIDTH} in PyTorch, TFLOP/s`;
  if (status !== 0) {
    const why = (stderr ?? '').trim().split('\n').at(-1) || 'no python3';
    return { title, notes: [`Left out: ${why}`], head: ['T'], rows: [] };
  }
  const { about, rates } = JSON.parse(stdout);
  return {
    title,
    notes: [`${about}, on the same GPU; f32 without TF32, bf16 on tensor cores.`],
    head: ['T', 'f32', 'bf16'],
    rows: TOKENS.map((t) => [String(t), figure(rates.f32[t]), figure(rates.bf16[t])]),
  };
}

/** The parts by name, each a table. The largest model is measured where LARGE is set: it is written to disk first, 2.5 GB. */
const parts = {
  ceilings: ceilingsTable,
  linear: linearTable,
  token: tokenTable,
  small: () => modelTable(SMALLER, ['F32', 'BF16']),
  attention: attentionTable,
  forms: formsTable,
  torch: torchTable,
  search: searchTable,
  ...(process.env.LARGE !== undefined && { large: () => modelTable(WIDEST, ['BF16']) }),
};

/**
 * The tables, each as soon as it is measured; PARTS=linear,token asks for some. A part that fails is a table that says so.
 * @param gpu of adapterOf
 */
export async function* webgpu(gpu) {
  const asked = process.env.PARTS?.split(',') ?? Object.keys(parts);
  const unknown = asked.find((name) => !(name in parts));
  if (unknown !== undefined) throw new Error(`expected PARTS of ${Object.keys(parts).join(', ')}, got ${unknown}`);
  const small = tiny ? { groups: 16, rounds: 8, bytes: 2 ** 22 } : {};
  const ceilings = await gpuCeilings(gpu, { ...small, seconds: SECONDS, runs });
  for (const name of asked) {
    const started = performance.now();
    const backend = await openBackend({ backend: 'webgpu' });
    let table;
    try {
      table = await parts[name]({ backend, ceilings });
    } catch (error) {
      table = { title: name, notes: [`FAILED: ${error.stack}`], head: [''], rows: [], failed: true };
    } finally {
      await backend.dispose();
    }
    console.error(`webgpu: ${name} took ${figure((performance.now() - started) / 1000)} s`);
    yield table;
  }
}
