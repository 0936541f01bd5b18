// Linear layers as sparse matrices, and dense in 16 bits and 8, beside the same layers dense in f32, in turn: from which share of
// zeros on they are faster, and by how much.

import {
  createWasmBackend,
  Int8Matrix,
  relaxedSimdSupported,
  SPARSE_VALUES,
  toInt8,
  WEIGHTS_16,
} from '../dist/internals.js';
import { random } from './contest/layer.mjs';
import { timed, warmUp } from './contest/timing.mjs';
import { runs, takeTurns } from './contest/turns.mjs';
import { median } from './machine.mjs';
import { figure, ratio } from './table.mjs';

/** [name, rows, columns, numbers of tokens] */
const shapes = [
  ['OPT-125m fc1', 3072, 768, [1, 2, 4, 8, 32, 128]],
  ['Llama-7B q_proj', 4096, 4096, [1, 8, 32, 128]],
  ['embedded gate_proj', 352, 128, [1, 4096]],
];
const sparsities = [0.5, 0.6, 0.7, 0.8, 0.9];
const builds = relaxedSimdSupported() ? ['plain', 'relaxed'] : ['plain'];

/** The dense layer, its 16-bit twins and its sparse ones, by their columns in the table. */
function formsOf(backend, rows, columns) {
  const dense = backend.allocate('f32', [rows, columns]);
  const values = random(rows * columns);
  const twins = sparsities.flatMap((sparsity) => {
    backend.write(
      dense,
      values.map((v) => (Math.random() < sparsity ? 0 : v)),
    );
    const scale = backend.allocate('f32', [rows]);
    backend.fill(scale, 0.5 / 127);
    return SPARSE_VALUES.map((kind) => backend.compress(dense, kind, kind === 'int8' ? scale : undefined));
  });
  backend.write(dense, values);
  const halves = WEIGHTS_16.map((kind) => {
    const half = backend.allocate(kind, [rows, columns]);
    backend.fill(half, 0.5);
    return half;
  });
  const { values: whole, scale } = toInt8(values, rows, columns);
  const int8 = new Int8Matrix(backend.allocate('i8', [rows, columns]), backend.allocate('f32', [rows]));
  backend.write(int8.values, whole);
  backend.write(int8.scale, scale);
  return [dense, ...halves, int8, ...twins];
}

async function measure(simd, threads) {
  const backend = await createWasmBackend({ simd, threads });
  const rows = [];
  for (const [name, out, columns, counts] of shapes) {
    const forms = formsOf(backend, out, columns);
    for (const tokens of counts) {
      console.error(`sparse: ${simd}, ${threads} threads, ${name}, T = ${tokens}, ${runs} samples of each`);
      const [x, y] = [backend.allocate('f32', [tokens, columns]), backend.allocate('f32', [tokens, out])];
      backend.write(x, random(x.size));
      const run = (form) => () => backend.linear(y, x, form, null);
      for (const form of forms) await warmUp(run(form));
      const samples = await takeTurns(forms.map((form) => () => timed(run(form))));
      const [dense, ...twins] = samples;
      rows.push([
        `${name} ${out}×${columns}`,
        String(tokens),
        simd,
        String(threads),
        figure((2 * out * columns * tokens) / median(dense) / 1e6),
        ...twins.map((twin) => ratio(dense, twin)),
      ]);
      for (const tensor of [x, y]) backend.free(tensor);
    }
    for (const form of forms) backend.free(form);
  }
  await backend.dispose();
  return rows;
}

export async function sparse() {
  const rows = [];
  for (const simd of builds) for (const threads of [1, 2]) rows.push(...(await measure(simd, threads)));
  return [
    {
      title: 'Sparse, 16-bit and 8-bit matrices: how many times as fast as the dense layer in f32',
      notes: [
        `By share of zeros, spread evenly, and by what the values are kept as; ${runs} samples of each in turn. GFLOP/s are those of the dense layer in f32.`,
      ],
      head: [
        'layer',
        'T',
        'build',
        'threads',
        'dense f32 GFLOP/s',
        ...[...WEIGHTS_16, 'int8'].map((kind) => `dense ${kind}`),
        ...sparsities.flatMap((s) => SPARSE_VALUES.map((kind) => `${100 * s} % ${kind}`)),
      ],
      rows,
    },
  ];
}
