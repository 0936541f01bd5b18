// Layers fed by a relu, by columns, beside the same layers dense and as sparse matrices, in turn: by the share of zeros in
// their input, how many times as fast as dense in f32.

import { ColumnMatrix, createWasmBackend, relaxedSimdSupported, WEIGHTS_16 } from '../dist/internals.js';
import { Complaint } from './complaint.mjs';
import { random } from './contest/layer.mjs';
import { timed, warmUp } from './contest/timing.mjs';
import { runs, takeTurns } from './contest/turns.mjs';
import { median } from './machine.mjs';
import { figure, percent, ratio } from './table.mjs';

/** [name, rows, columns] */
const shapes = [
  ['OPT-125m fc2', 768, 3072],
  ['OPT-1.3B fc2', 2048, 8192],
];
const counts = [1, 8, 128];
const sharesOfZeros = [0.5, 0.8, 0.9, 0.95];
const sparsities = [0.7, 0.8, 0.9, 0.95];
const builds = relaxedSimdSupported() ? ['plain', 'relaxed'] : ['plain'];
const threadCounts = (process.env.THREADS ?? '1,2').split(',').map(Number);
if (!threadCounts.every((n) => Number.isInteger(n) && n >= 1))
  throw new Complaint(`expected THREADS like 1,2, got ${process.env.THREADS}`);

/** Inputs that take turns: with one alone, the columns that it reads would be in a cache. */
const INPUTS = 12;

const sparsely = (length, zeros) => random(length).map((v) => (Math.random() < zeros ? 0 : v));

/** The dense layer in f32 and bf16, its sparse ones, and those by columns. */
function formsOf(backend, rows, columns) {
  const dense = backend.allocate('f32', [rows, columns]);
  const sparse = sparsities.flatMap((sparsity) => {
    backend.write(dense, sparsely(dense.size, sparsity));
    return ['f32', 'bf16'].map((kind) => backend.compress(dense, kind));
  });
  backend.write(dense, random(dense.size));
  const half = backend.allocate('bf16', [rows, columns]);
  backend.fill(half, 0.5);
  const byColumns = ['f32', ...WEIGHTS_16].map((kind) => {
    const values = backend.allocate(kind, [columns, rows]);
    backend.fill(values, 0.5);
    return new ColumnMatrix(values);
  });
  return { rest: [dense, half, ...sparse], byColumns };
}

async function measure(simd, threads) {
  const backend = await createWasmBackend({ simd, threads });
  const rows = [];
  for (const [name, out, columns] of shapes) {
    const { rest, byColumns } = formsOf(backend, out, columns);
    for (const tokens of counts) {
      console.error(`columns: ${simd}, ${threads} threads, ${name}, T = ${tokens}, ${runs} samples of each`);
      const y = backend.allocate('f32', [tokens, out]);
      const inputs = sharesOfZeros.map((zeros) => {
        const x = backend.allocate('f32', [INPUTS * tokens, columns]);
        backend.write(x, sparsely(x.size, zeros));
        return x;
      });
      const run = (form, x) => {
        let turn = 0;
        return () => {
          turn = (turn + 1) % INPUTS;
          backend.linear(y, x.rows(turn * tokens, (turn + 1) * tokens), form, null);
        };
      };
      const contestants = [
        ...rest.map((form) => run(form, inputs[0])),
        ...inputs.flatMap((x) => byColumns.map((form) => run(form, x))),
      ];
      for (const contestant of contestants) await warmUp(contestant);
      const [dense, ...others] = await takeTurns(contestants.map((contestant) => () => timed(contestant)));
      rows.push([
        `${name} ${out}×${columns}`,
        String(tokens),
        simd,
        String(threads),
        figure((2 * out * columns * tokens) / median(dense) / 1e6),
        ...others.map((other) => ratio(dense, other)),
      ]);
      for (const tensor of [y, ...inputs]) backend.free(tensor);
    }
    for (const form of [...rest, ...byColumns]) backend.free(form);
  }
  await backend.dispose();
  return rows;
}

export async function columns() {
  const rows = [];
  for (const simd of builds) for (const threads of threadCounts) rows.push(...(await measure(simd, threads)));
  return [
    {
      title: 'Layers by columns: how many times as fast as the dense layer in f32',
      notes: [
        `Sparse matrices by the zeros of their weights, columns by the zeros of their input, spread evenly; ${runs} samples of each in turn.`,
      ],
      head: [
        'layer',
        'T',
        'build',
        'threads',
        'dense f32 GFLOP/s',
        'dense bf16',
        ...sparsities.flatMap((s) => [`sparse ${percent(s)} f32`, `sparse ${percent(s)} bf16`]),
        ...sharesOfZeros.flatMap((s) => ['f32', ...WEIGHTS_16].map((kind) => `columns ${percent(s)} ${kind}`)),
      ],
      rows,
    },
  ];
}
