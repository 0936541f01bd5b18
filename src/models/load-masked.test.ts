// A matrix that is made of mask and values is the one that its dense rows make, whatever a file lists among its values; and what
// is refused there is refused here, in the same words.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bytes, i64, safetensors, sparseSection, type TestTensor } from '../../test/checkpoint-fixture.js';
import { masked } from '../../test/masked.js';
import type { Backend } from '../backend/backend.js';
import { createWasmBackend } from '../backend/wasm/create.js';
import type { SparseStorage } from '../backend/wasm/sparse.js';
import { type Checkpoint, openModelFiles } from '../checkpoint/checkpoint.js';
import { GivenFiles } from '../checkpoint/given-files.js';
import { WeightFile } from '../checkpoint/weight-file.js';
import { ColumnMatrix } from '../tensor/column-matrix.js';
import { Int8Matrix } from '../tensor/int8-matrix.js';
import { type Matrix, SparseMatrix } from '../tensor/sparse-matrix.js';
import { type Form, type ZeroCount, zerosOf } from './forms.js';
import { maskedRows, zerosOfMasked } from './load-masked.js';
import { formIn, loadMatrix } from './load-matrix.js';
import { type MatrixSource, Scratch } from './matrix-source.js';

let backend: Backend;
beforeAll(async () => {
  backend = await createWasmBackend();
});
afterAll(() => backend.dispose());

const dtypes = ['F32', 'BF16', 'F16', 'I8'] as const;
type Dtype = (typeof dtypes)[number];
const widths = { F32: 4, BF16: 2, F16: 2, I8: 1 };

/** Patterns of finite values of each dtype, both zeros among them. */
const patternOf: Record<Dtype, (random: number) => number> = {
  F32: (r) => new Uint32Array(Float32Array.of(r % 5 ? (r % 4001) / 512 - 3 : r % 2 ? 0 : -0).buffer)[0],
  BF16: (r) => (r % 5 ? ((r % 2) << 15) | (0x3c00 + (r % 997)) : (r % 2) << 15),
  F16: (r) => (r % 5 ? ((r % 2) << 15) | (0x2000 + (r % 0x1801)) : (r % 2) << 15),
  I8: (r) => (r % 5 ? r % 256 : 0),
};

interface Parts {
  rows: number;
  columns: number;
  dtype: Dtype;
  /** Of all weights. */
  bits: boolean[];
  /** Patterns of as many values as there are bits. */
  values: number[];
  scale?: number[];
}

function fileOf({ rows, columns, dtype, bits, values, scale }: Parts): Uint8Array {
  const { mask } = masked(Uint16Array.from(bits, Number), [rows, columns]);
  const stored = new Uint8Array(values.length * widths[dtype]);
  for (const [i, value] of values.entries())
    for (let byte = 0; byte < widths[dtype]; byte++) stored[i * widths[dtype] + byte] = value >>> (8 * byte);
  const tensors: Record<string, TestTensor> = {
    'x.shape': i64([2], [BigInt(rows), BigInt(columns)]),
    'x.compressed': { dtype, shape: [values.length], bytes: stored },
    'x.bitmask': bytes('U8', [rows, Math.ceil(columns / 8)], [...mask.bits]),
    'x.row_offsets': i64([rows], [...mask.offsets.subarray(0, rows)].map(BigInt)),
  };
  if (dtype === 'I8')
    tensors['x.scale'] = { dtype: 'F32', shape: [rows], bytes: new Uint8Array(Float32Array.from(scale ?? []).buffer) };
  return safetensors(tensors);
}

function openedFile(file: Uint8Array, stream = false): Promise<Checkpoint> {
  const config = JSON.stringify({ model_type: 'llama', ...sparseSection() });
  return openModelFiles(
    new GivenFiles({
      'config.json': new TextEncoder().encode(config),
      'model.safetensors': stream ? (new Blob([new Uint8Array(file)]).stream() as ReadableStream<Uint8Array>) : file,
    }),
  );
}

const opened = (parts: Parts, stream = false) => openedFile(fileOf(parts), stream);

const parts = fc
  .record({
    rows: fc.integer({ min: 1, max: 13 }),
    columns: fc.oneof(fc.integer({ min: 1, max: 150 }), fc.integer({ min: 250, max: 530 })),
    dtype: fc.constantFrom(...dtypes),
    share: fc.constantFrom(0, 10, 30, 70, 100),
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
  })
  .map(({ rows, columns, dtype, share, seed }): Parts => {
    let state = seed;
    const next = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 8;
    };
    const bits = Array.from({ length: rows * columns }, () => next() % 100 < share);
    const values = bits.filter(Boolean).map(() => patternOf[dtype](next()));
    return { rows, columns, dtype, bits, values, scale: Array.from({ length: rows }, () => (1 + (next() % 99)) / 777) };
  });

const forms: Form[] = [
  { values: 'f32', sparse: true },
  { values: 'bf16', sparse: true },
  { values: 'int8', sparse: true },
  { values: 'f32', sparse: false },
  { values: 'bf16', sparse: false },
  { values: 'f16', sparse: false },
  { values: 'int8', sparse: false },
  { values: 'f32', sparse: false, columns: true },
];

/** All that a matrix has in memory. */
async function held(matrix: Matrix): Promise<unknown[]> {
  if (matrix instanceof SparseMatrix) {
    const { index, entries, count } = matrix.storage as SparseStorage;
    const scale = matrix.scale && [...(await backend.read(matrix.scale))];
    return [[...(await backend.read(index.whole))], count && [...(await backend.read(entries))], scale];
  }
  if (matrix instanceof Int8Matrix) return [await backend.read(matrix.values), await backend.read(matrix.scale)];
  return [await backend.read(matrix instanceof ColumnMatrix ? matrix.values : matrix)];
}

/** Memory that all of them are read through: what the one before has left there must not matter. */
const scratch = new Scratch();

it.each(forms)('is in memory as if its rows had been read: %o', async (form) => {
  // Patterns of 16 bits are never meant to be those of the other dtype.
  const meant = parts.filter(
    ({ dtype }) => form.sparse || !['bf16 F16', 'f16 BF16'].includes(`${form.values} ${dtype}`),
  );
  await fc.assert(
    fc.asyncProperty(meant, async (given) => {
      const checkpoint = await opened(given);
      const shape = [given.rows, given.columns];
      const counts: ZeroCount[] = [];
      const choose = (count: ZeroCount) => {
        counts.push(count);
        return form;
      };
      const dense = await checkpoint.readFloats('x.weight', shape);
      const rows: MatrixSource = {
        rows: given.rows,
        columns: given.columns,
        dtype: checkpoint.info('x.weight').dtype,
        inParts: false,
        read: async () => dense,
      };
      const expected = await loadMatrix(backend, rows, choose, new Scratch());
      const got = await loadMatrix(backend, await maskedRows(checkpoint, 'x.weight', shape, scratch), choose, scratch);
      expect(counts[1]).toEqual(counts[0]);
      expect(formIn(got)).toEqual(formIn(expected));
      expect(await held(got)).toEqual(await held(expected));
      for (const matrix of [expected, got]) backend.free(matrix);
    }),
    { numRuns: 60 },
  );
});

it('is refused where its rows are, in the same words, whatever is changed in the file', async () => {
  const outcome = (work: Promise<unknown>) =>
    work.then(
      () => 'read',
      (error: Error) => error.message,
    );
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 });
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(parts, flips, async (given, changes) => {
      const file = Uint8Array.from(fileOf(given));
      // Behind the header, and behind the shape, which is read when the folder is opened.
      const begin = 8 + 16 + Number(new DataView(file.buffer).getBigUint64(0, true));
      for (const [at, change] of changes) file[begin + (at % (file.length - begin))] ^= change;
      const checkpoint = await openedFile(file);
      const shape = [given.rows, given.columns];
      const load = async () => {
        const source = await maskedRows(checkpoint, 'x.weight', shape, scratch);
        backend.free(await loadMatrix(backend, source, { values: 'f32', sparse: true }, scratch));
      };
      const expected = await outcome(checkpoint.readFloats('x.weight', shape));
      expect(await outcome(load())).toBe(expected);
      seen.add(expected.replace(/\d+/g, '').slice(0, 20));
    }),
    { numRuns: 400 },
  );
  expect(seen.size).toBeGreaterThan(3);
});

describe('its values', () => {
  const three: Parts = {
    ...{ rows: 2, columns: 10, dtype: 'BF16' },
    bits: Array.from({ length: 20 }, (_, i) => [3, 9, 17].includes(i)),
    values: [0x3f80, 0x8000, 0x4000],
  };
  const read = async (given: Parts) =>
    (await opened(given)).readMasked('x.weight', [given.rows, given.columns], (_, size) => new ArrayBuffer(size));

  it('may be 0, and are counted with what has no bit', async () => {
    const given = await read(three);
    expect([...given.values]).toEqual(three.values);
    const weights = Float32Array.from(three.bits, (_, i) => Number(i === 3 || i === 17));
    expect(zerosOfMasked(given)).toEqual(zerosOf(weights));
  });

  it.each<[string, Partial<Parts>, string]>([
    ['NaN of BF16', { values: [0x3f80, 0x3f80, 0x7fc0] }, 'NaN at index 17'],
    ['infinity of F16', { dtype: 'F16', values: [1, 0xfc00, 2] }, '-Infinity at index 9'],
    ['infinity of F32', { dtype: 'F32', values: [0x7f800000, 1, 2] }, 'Infinity at index 3'],
    ['product', { dtype: 'I8', values: [1, 1, 127], scale: [1, 3e38] }, 'Infinity at index 17'],
  ])('are finite: no %s', async (_, change, got) => {
    const given = { ...three, ...change };
    const message = `expected finite weights, got ${got}, in model.safetensors, tensor "x.weight"`;
    await expect(read(given)).rejects.toThrow(message);
    await expect((await opened(given)).readFloats('x.weight', [2, 10])).rejects.toThrow(message);
  });

  it('have the shape that is asked for', async () => {
    const checkpoint = await opened(three);
    await expect(checkpoint.readMasked('x.weight', [10, 2], (_, size) => new ArrayBuffer(size))).rejects.toThrow(
      'expected shape [10, 2], which config.json implies, got [2, 10], in model.safetensors, tensor "x.weight"',
    );
  });

  it('are read in the order of the file, each part once', async () => {
    const checkpoint = await opened({ ...three, dtype: 'I8', values: [1, 2, 3], scale: [1, 1] }, true);
    const asked = vi.spyOn(WeightFile.prototype, 'readInto');
    await checkpoint.readMasked('x.weight', [2, 10], (_, size) => new ArrayBuffer(size));
    expect(asked.mock.calls.map(([name]) => name)).toEqual(['x.compressed', 'x.bitmask', 'x.row_offsets', 'x.scale']);
    asked.mockRestore();
    await checkpoint.close();
  });
});
