// The hot operations on the shapes of real layers and of the embedded model: GFLOP/s, GB/s or M weights/s, as medians,
// for each kernel build that this Node can run, on one thread and on two.

import { Bench } from 'tinybench';
import { createWasmBackend, relaxedSimdSupported } from '../dist/internals.js';
import { machine } from './machine.mjs';

/** [name, rows, columns, tokens] */
const layers = [
  ['embedded q_proj', 128, 128, 4096],
  ['embedded gate_proj', 352, 128, 4096],
  ['embedded down_proj', 128, 352, 4096],
  ['OPT-125m fc1', 3072, 768, 128],
  ['SmolLM-135M gate_proj', 1536, 576, 128],
  ['Llama-7B q_proj', 4096, 4096, 16],
  ['Llama-7B q_proj, decode', 4096, 4096, 1],
];

/** [inputs, tokens] */
const grams = [
  [512, 2048],
  [4096, 512],
];

/** [name, sequences, queries, keys, heads, heads of keys, width of a head] */
const attentions = [
  ['embedded', 8, 512, 512, 4, 4, 32],
  ['OPT-125m', 1, 2048, 2048, 12, 12, 64],
  ['Llama-3-8B', 4, 512, 512, 32, 8, 128],
  ['SmolLM-135M, 20 tokens more', 1, 20, 500, 9, 3, 64],
  ['OPT-125m, decode', 1, 1, 2048, 12, 12, 64],
  ['Llama-3-8B, decode', 1, 1, 2048, 32, 8, 128],
];

const random = (n) => Float32Array.from({ length: n }, () => Math.random() - 0.5);

async function measure(simd, threads) {
  const backend = await createWasmBackend({ simd, threads });
  const bench = new Bench({ time: 400, warmupTime: 200, iterations: 7 });
  const units = new Map();
  const tensor = (...shape) => {
    const t = backend.allocate('f32', shape);
    backend.write(t, random(t.size));
    return t;
  };
  const add = (name, work, unit, run) => {
    units.set(name, { work, unit });
    bench.add(name, run);
  };
  for (const [name, rows, columns, tokens] of layers) {
    const [x, w, y] = [tensor(tokens, columns), tensor(rows, columns), tensor(tokens, rows)];
    const work = tokens === 1 ? 4 * rows * columns : 2 * rows * columns * tokens;
    const unit = tokens === 1 ? 'GB/s' : 'GFLOP/s';
    add(`linear ${name} ${rows}×${columns} T=${tokens}`, work, unit, () => backend.linear(y, x, w, null));
  }
  for (const [name, sequences, queries, keys, heads, kvHeads, headDim] of attentions) {
    const shape = { heads, kvHeads, headDim, sequences, queries, keys };
    const attend = { ...shape, scale: headDim ** -0.5, window: null, softcap: null };
    const [q, y] = [tensor(sequences * queries, heads * headDim), tensor(sequences * queries, heads * headDim)];
    const [k, v] = [tensor(sequences * keys, kvHeads * headDim), tensor(sequences * keys, kvHeads * headDim)];
    const pairs = sequences * heads * queries * (keys - (queries - 1) / 2);
    const sizes = `${sequences}×${queries} of ${keys}, ${heads} heads on ${kvHeads} of ${headDim}`;
    add(`attention ${name} ${sizes}`, 4 * pairs * headDim, 'GFLOP/s', () => backend.attention(y, q, k, v, attend));
  }
  for (const [n, tokens] of grams) {
    const [gram, x] = [backend.allocate('f64', [n, n]), tensor(tokens, n)];
    backend.fill(gram, 0);
    // Half of the 2n² operations a token: the other half of the matrix is a mirror image.
    add(`gram of ${n} inputs, T=${tokens}`, n * (n + 1) * tokens, 'GFLOP/s', () => backend.addGram(gram, x));
  }
  const [cross, a512, b512] = [backend.allocate('f64', [512, 512]), tensor(2048, 512), tensor(2048, 512)];
  backend.fill(cross, 0);
  add('cross 512×512, T=2048', 2 * 512 * 512 * 2048, 'GFLOP/s', () => backend.addCross(cross, a512, b512));

  const size = 4096 * 4096;
  const [w, masked, a] = [tensor(4096, 4096), tensor(4096, 4096), tensor(4096)];
  backend.fill(a, 1);
  const scores = { of: null, column: a, row: null };
  const masks = {
    '70 % of each row': { kind: 'row', prune: 2867 },
    '70 % of the layer': { kind: 'layer', rank: Math.floor(0.7 * size) },
  };
  for (const [name, selection] of Object.entries(masks))
    add(`mask 4096×4096, ${name}`, size * 1000, 'M weights/s', () => backend.mask(masked, w, scores, selection));
  const wide = (...shape) => {
    const t = backend.allocate('f64', shape);
    backend.fill(t, 0);
    return t;
  };
  const [right, u, x64, base] = [0, 0, 0, 0].map(() => wide(2048, 4096));
  const kept = masked.rows(0, 2048);
  // Four matrices of f64 and one of f32 read, two of f64 written.
  add('admmStep 2048×4096', 52 * u.size, 'GB/s', () => backend.admmStep(right, u, x64, base, kept, 1));
  const symmetric = wide(2048, 2048);
  const [rows, product] = [wide(512, 2048), wide(512, 2048)];
  add('multiply 512 rows by 2048×2048, f64', 2 * 512 * 2048 ** 2, 'GFLOP/s', () =>
    backend.multiply(product, rows, symmetric),
  );
  for (const n of [512, 2048]) {
    const [matrix, inverse] = [wide(n, n), wide(n, n)];
    // n³/3 for L, as many for its inverse, as many for the product of that with itself.
    add(`invert ${n}×${n}, factor`, (2 / 3) * n ** 3, 'GFLOP/s', () => backend.invert(inverse, matrix, 1, 'factor'));
    add(`invert ${n}×${n}, whole`, n ** 3, 'GFLOP/s', () => backend.invert(inverse, matrix, 1, 'whole'));
  }
  const [layer, factor] = [tensor(2048, 2048), tensor(2048, 2048)];
  backend.fill(factor, 1);
  const dense = random(layer.size);
  add('eliminateColumns, all of 2048×2048, 60 %', 2048 ** 3, 'GFLOP/s', () => {
    backend.write(layer, dense);
    for (let from = 0; from < 2048; from += 128)
      backend.eliminateColumns(layer, factor, from, from + 128, { kind: 'count', prune: Math.round(2048 * 128 * 0.6) });
  });
  await bench.run();
  for (const task of bench.tasks) {
    const { work, unit } = units.get(task.name);
    if (task.result.error) throw task.result.error;
    const { p50, min, max } = task.result.latency;
    const figure = (work / p50 / 1e6).toFixed(1).padStart(8);
    console.log(
      `${simd.padEnd(8)}${threads} thread${threads > 1 ? 's' : ' '}  ${task.name.padEnd(78)}${figure} ${unit.padEnd(12)} median ${p50.toFixed(3)} ms (${min.toFixed(3)}–${max.toFixed(3)}, ${task.result.latency.samplesCount} runs)`,
    );
  }
  await backend.dispose();
}

console.log(machine());
for (const simd of relaxedSimdSupported() ? ['plain', 'relaxed'] : ['plain'])
  for (const threads of [1, 2]) await measure(simd, threads);
