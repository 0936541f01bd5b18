// A matrix comes into memory as the same numbers in however many stretches, and dense and sparse ones of int8 hold the same.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Backend } from '../backend/backend.js';
import { createWasmBackend } from '../backend/wasm/create.js';
import type { Int8Matrix } from '../tensor/int8-matrix.js';
import type { Matrix } from '../tensor/sparse-matrix.js';
import type { Form } from './forms.js';
import { type ChosenForm, formIn, loadMatrix } from './load-matrix.js';
import { type MatrixSource, Scratch } from './matrix-source.js';

let backend: Backend;
beforeAll(async () => {
  backend = await createWasmBackend();
});
afterAll(() => backend.dispose());

const columns = 2 ** 17;
const rows = 13;
/** Every third is 0, and ties between two steps of int8 are among the others: a row's largest is 127. */
const weights = Float32Array.from({ length: rows * columns }, (_, i) =>
  i % columns === 0 ? 127 : i % 3 ? ((i * 7) % 253) / 2 - 63 : 0,
);

/** Rows of `weights`, as F32 through memory that is used again. */
function source(inParts: boolean, asked: [number, number][] = []): MatrixSource {
  const memory = new Float32Array(weights.length);
  const read = async (first: number, end: number) => {
    asked.push([first, end]);
    memory.fill(Number.NaN);
    memory.set(weights.subarray(first * columns, end * columns));
    return memory.subarray(0, (end - first) * columns);
  };
  return { rows, columns, dtype: 'F32', inParts, read };
}

/** What the first and the last columns of a matrix hold: tokens that are 1 in one column and 0 elsewhere. */
async function held(matrix: Matrix): Promise<number[]> {
  const picked = [0, 1, 2, 3, 4, columns - 2, columns - 1];
  const [x, y] = [backend.allocate('f32', [picked.length, columns]), backend.allocate('f32', [picked.length, rows])];
  const ones = new Float32Array(picked.length * columns);
  for (const [t, c] of picked.entries()) ones[t * columns + c] = 1;
  backend.write(x, ones);
  backend.linear(y, x, matrix, null);
  const values = [...(await backend.read(y))];
  for (const tensor of [x, y]) backend.free(tensor);
  return values;
}

it.each([
  { values: 'f32', sparse: false },
  { values: 'f32', sparse: true },
  { values: 'int8', sparse: false },
  { values: 'int8', sparse: true },
] as const)('$values, sparse: $sparse, in stretches as at once', async (form: Form) => {
  const asked: [number, number][] = [];
  const [parts, whole] = [
    await loadMatrix(backend, source(true, asked), form, new Scratch()),
    await loadMatrix(backend, source(false), form, new Scratch()),
  ];
  expect(asked).toEqual([
    [0, 8],
    [8, 13],
  ]);
  expect(formIn(parts)).toEqual(form);
  expect(await held(parts)).toEqual(await held(whole));
  for (const matrix of [parts, whole]) backend.free(matrix);
});

it.each([
  ['f32', 'f32'],
  ['bf16', 'bf16'],
  // 127 is more than a 1024th of what it can hold.
  ['f16', 'f32'],
] as const)('by columns, meant as %s and held as %s', async (values, kept) => {
  const [byColumns, byRows] = [
    await loadMatrix(backend, source(true), () => ({ values, sparse: false, columns: true }), new Scratch()),
    await loadMatrix(backend, source(true), { values: 'f32', sparse: false }, new Scratch()),
  ];
  expect(formIn(byColumns)).toEqual({ values: kept, sparse: false, columns: true });
  expect(await held(byColumns)).toEqual(await held(byRows));
  for (const matrix of [byColumns, byRows]) backend.free(matrix);
});

it('int8 holds the same weights dense and sparse, ties included', async () => {
  const dense = await loadMatrix(backend, source(true), { values: 'int8', sparse: false }, new Scratch());
  const sparse = await loadMatrix(backend, source(true), { values: 'int8', sparse: true }, new Scratch());
  const { values, scale } = dense as Int8Matrix;
  const [whole, steps] = [await backend.read(values), await backend.read(scale)];
  const picked = [0, 1, 2, 3, 4, columns - 2, columns - 1];
  const expected = picked.flatMap((c) => Array.from({ length: rows }, (_, r) => whole[r * columns + c] * steps[r]));
  expect(await held(sparse)).toEqual(expected.map((v) => v + 0));
  for (const matrix of [dense, sparse]) backend.free(matrix);
});

it('reads what cannot be read in parts once, counting included', async () => {
  const asked: [number, number][] = [];
  const choose: ChosenForm = () => ({ values: 'f32', sparse: true });
  backend.free(await loadMatrix(backend, source(false, asked), choose, new Scratch()));
  expect(asked).toEqual([[0, rows]]);
});

it('counts in stretches what a choice is made by', async () => {
  const counts: object[] = [];
  const choose: ChosenForm = (count) => {
    counts.push(count);
    return { values: 'f32', sparse: false };
  };
  for (const inParts of [true, false]) backend.free(await loadMatrix(backend, source(inParts), choose, new Scratch()));
  expect(counts[0]).toEqual(counts[1]);
  expect(counts[0]).toMatchObject({ weights: rows * columns });
});
