// Which form a matrix gets in memory, and that no form changes what a model computes beyond the order of its sums.

import { afterEach, describe, expect, it } from 'vitest';
import { f32, folderWith, half, removeFolder, safetensors } from '../../test/checkpoint-fixture.js';
import { models as families, valuesOf } from '../../test/golden/tiny-families.js';
import { type TinyTensors, tinyConfig, tinyTensors, tinyWindows } from '../../test/golden/tiny-llama.js';
import { createWasmBackend } from '../backend/wasm/create.js';
import { UsageError } from '../errors.js';
import { ColumnMatrix } from '../tensor/column-matrix.js';
import { narrowBF16, narrowF16, widenBF16, widenF16 } from '../tensor/half.js';
import { toInt8 } from '../tensor/int8.js';
import type { Tensor } from '../tensor/tensor.js';
import { patternsOf } from '../tensor/weights16.js';
import { formBytes, formOf, type Preference, type WeightValues, zerosOf } from './forms.js';
import { inspect } from './inspect.js';
import { loadMatrix } from './load-matrix.js';
import { type LoadOptions, loadModel } from './load-model.js';
import { Scratch } from './matrix-source.js';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await removeFolder(folder);
});

type Stored = 'F32' | 'BF16' | 'F16';
const narrow = { BF16: narrowBF16, F16: narrowF16 };
const widen = { BF16: widenBF16, F16: widenF16 };
const [ids] = tinyWindows(1, 11);

/** Four of five weights of every linear layer of the blocks are 0, as a pruned checkpoint has them. */
function pruned(): TinyTensors {
  return Object.fromEntries(
    Object.entries(tinyTensors(tinyConfig, 3)).map(([name, { shape, values }]) => [
      name,
      { shape, values: /_proj/.test(name) ? values.map((v, i) => (i % 5 ? 0 : v)) : values },
    ]),
  );
}

/** The tiny OPT of the golden values. */
const optTensors = (): TinyTensors =>
  Object.fromEntries(
    Object.entries(families.opt.tensors).map(([name, spec]) => [name, { shape: spec.shape, values: valuesOf(spec) }]),
  );

interface FolderOptions {
  asF32?: boolean;
  change?: (values: Float32Array, shape: number[]) => Float32Array;
  config?: object;
}

/** The tensors in a dtype, and (as F32) what that dtype makes of them, and of matrices `change` after it. */
async function folderOf(
  tensors: TinyTensors,
  dtype: Stored,
  { asF32 = false, change = (values) => values, config = tinyConfig }: FolderOptions = {},
): Promise<string> {
  const stored = Object.entries(tensors).map(([name, { shape, values }]) => {
    const [patterns, back] = [new Uint16Array(values.length), Float32Array.from(values)];
    if (dtype !== 'F32') {
      narrow[dtype](back, patterns);
      widen[dtype](patterns, back);
    }
    if (dtype !== 'F32' && !asF32) return [name, half(dtype, shape, [...patterns])];
    return [name, f32(shape, [...(shape.length === 2 ? change(back, shape) : back)])];
  });
  const file = safetensors(Object.fromEntries(stored));
  folders.push(await folderWith({ 'config.json': JSON.stringify(config), 'model.safetensors': file }));
  return folders.at(-1) as string;
}

async function run(folder: string, options: LoadOptions = {}) {
  const model = await loadModel(folder, { threads: 1, ...options });
  try {
    return { logits: await model.logits(ids), forms: model.forms };
  } finally {
    await model.dispose();
  }
}

/** The form of a few rows of 40, or many, of which so many columns are not 0. */
function formBy(
  dtype: string,
  prefer: Preference,
  filled: number,
  kept: WeightValues = 'stored',
  relu = false,
  rows: number = FEW,
) {
  const count = { weights: 40 * rows, zeros: (40 - filled) * rows };
  return formOf(count, dtype, { prefer, values: kept }, relu);
}

/** Of so many rows the steps to a quarter of the columns, or more, take half a byte. */
const [FEW, MANY] = [6553, 6554];

describe('formOf', () => {
  it('keeps what a checkpoint holds in 16 bits', () => {
    expect(formBy('F32', 'speed', 40)).toEqual({ values: 'f32', sparse: false });
    expect(formBy('BF16', 'speed', 40)).toEqual({ values: 'bf16', sparse: false });
    expect(formBy('F16', 'size', 40)).toEqual({ values: 'f16', sparse: false });
    expect(formBy('F64', 'speed', 40)).toEqual({ values: 'f32', sparse: false });
  });

  it.each([
    ['F32', 20, 'f32'],
    ['BF16', 18, 'bf16'],
    ['F16', 18, 'f32'],
  ])('for speed, makes a matrix of %s sparse with no more than %i of 40 entries a row', (dtype, most, values) => {
    expect(formBy(dtype, 'speed', most + 1).sparse).toBe(false);
    expect(formBy(dtype, 'speed', most)).toEqual({ values, sparse: true });
  });

  it.each([
    ['F32', FEW, 31, 'f32'],
    ['BF16', FEW, 26, 'bf16'],
    ['F16', FEW, 15, 'f32'],
    ['F32', MANY, 35, 'f32'],
    ['BF16', MANY, 31, 'bf16'],
    ['F16', MANY, 17, 'f32'],
  ])('for size, makes a matrix of %s of %i rows sparse with no more than %i of 40 entries a row', (...args) => {
    const [dtype, rows, most, values] = args;
    expect(formBy(dtype, 'size', most + 1, 'stored', false, rows).sparse).toBe(false);
    expect(formBy(dtype, 'size', most, 'stored', false, rows)).toEqual({ values, sparse: true });
  });

  it.each([
    ['speed', FEW, 8],
    ['size', FEW, 19],
    ['size', MANY, 26],
  ] as const)('of int8, for %s, makes a matrix of %i rows sparse with no more than %i of 40 entries', (...args) => {
    const [prefer, rows, most] = args;
    expect(formBy('F32', prefer, most + 1, 'int8', false, rows)).toEqual({ values: 'int8', sparse: false });
    expect(formBy('BF16', prefer, most, 'int8', false, rows)).toEqual({ values: 'int8', sparse: true });
  });

  it.each([
    ['F32', 'f32', 4, 31],
    ['BF16', 'bf16', 4, 26],
    ['F16', 'f16', 4, 15],
  ] as const)(
    'holds a layer of %s that a relu feeds by columns, until few of its entries are left',
    (dtype, values, speed, size) => {
      for (const [prefer, most] of [
        ['speed', speed],
        ['size', size],
      ] as const) {
        const byColumns = { values, sparse: false, columns: true };
        expect(formBy(dtype, prefer, 40, 'stored', true)).toEqual(byColumns);
        expect(formBy(dtype, prefer, most + 1, 'stored', true)).toEqual(byColumns);
        expect(formBy(dtype, prefer, most, 'stored', true)).toMatchObject({ sparse: true });
      }
      expect(formBy(dtype, 'speed', 40, 'int8', true)).toEqual({ values: 'int8', sparse: false });
    },
  );
});

it.each((['f32', 'bf16', 'int8'] as const).flatMap((values) => [2, 3].map((tenths) => [values, tenths] as const)))(
  'formBytes says what a sparse matrix of %s takes of which %i tenths are left, but for some per row',
  async (values, tenths) => {
    const backend = await createWasmBackend({ threads: 1 });
    const [rows, columns] = [256, 2048];
    const weights = Float32Array.from({ length: rows * columns }, (_, i) =>
      Number(((i * 2654435761) >>> 0) % 10 < tenths),
    );
    const [weight, scale] = [backend.allocate('f32', [rows, columns]), backend.allocate('f32', [rows])];
    backend.write(weight, weights);
    backend.fill(scale, 1);
    const { storage } = backend.compress(weight, values, values === 'int8' ? scale : undefined);
    const said = formBytes({ values, sparse: true }, zerosOf(weights));
    expect(storage.bytes).toBeGreaterThan(said);
    expect(storage.bytes).toBeLessThan(said + 8 * rows + 0.01 * said);
    await backend.dispose();
  },
);

describe('a loaded model', () => {
  it.each(['BF16', 'F16'] as const)('computes with %s the bits that the same numbers in f32 give', async (dtype) => {
    const tensors = tinyTensors(tinyConfig, 3);
    const own = await run(await folderOf(tensors, dtype));
    expect(new Set(own.forms.map(({ values }) => values))).toEqual(new Set([dtype.toLowerCase()]));
    expect(own.logits).toEqual((await run(await folderOf(tensors, dtype, { asF32: true }))).logits);
  });

  it.each(['F32', 'BF16', 'F16'] as const)('runs pruned layers of %s as sparse matrices', async (dtype) => {
    const folder = await folderOf(pruned(), dtype);
    const [sparse, dense] = [await run(folder), await run(folder, { sparse: false })];
    expect(sparse.forms).toHaveLength(21);
    expect(sparse.forms.every((form) => form.sparse && form.sparsity > 0.6)).toBe(true);
    expect(dense.forms.some((form) => form.sparse)).toBe(false);
    expect(sparse.logits).not.toEqual(dense.logits);
    expect(sparse.logits).toBeAllClose(dense.logits, 1e-5, 1e-5);
  });

  it.each(['BF16', 'F16'] as const)(
    'of OPT holds fc2 of %s by columns, and computes the bits of f32',
    async (dtype) => {
      const { config } = families.opt;
      const [own, wide] = [
        await run(await folderOf(optTensors(), dtype, { config })),
        await run(await folderOf(optTensors(), dtype, { config, asF32: true })),
      ];
      const values = dtype.toLowerCase();
      for (const { name, ...form } of own.forms)
        expect(form).toMatchObject(
          name === 'fc2' ? { values, sparse: false, columns: true } : { values, sparse: false },
        );
      expect(wide.forms.filter((form) => form.columns)).toHaveLength(3);
      const { layers } = await inspect(folders[0]);
      expect(layers.filter(({ runs }) => runs.columns).map(({ name }) => name)).toEqual(
        [0, 1, 2].map((block) => `model.decoder.layers.${block}.fc2`),
      );
      expect(own.logits).toEqual(wide.logits);
    },
  );

  it('of OPT holds pruned layers by columns too, and what few weights are left of as sparse matrices', async () => {
    const { config } = families.opt;
    const every = (n: number) => {
      const tensors = optTensors();
      for (const [name, { values }] of Object.entries(tensors))
        if (name.endsWith('fc2.weight')) for (let i = 0; i < values.length; i++) if (i % n) values[i] = 0;
      return folderOf(tensors, 'F32', { config });
    };
    const fc2 = ({ forms }: Awaited<ReturnType<typeof run>>) => forms.find(({ name }) => name === 'fc2');
    // A row of 24 keeps 8, and then 2.
    expect(fc2(await run(await every(3)))).toMatchObject({ sparse: false, columns: true });
    const few = await every(12);
    const [sparse, dense] = [await run(few), await run(few, { sparse: false })];
    expect(fc2(sparse)).toMatchObject({ sparse: true });
    expect(fc2(dense)).toMatchObject({ sparse: false, columns: true });
    expect(sparse.logits).toBeAllClose(dense.logits, 1e-5, 1e-5);
  });

  it('keeps columns with a weight that f16 cannot hold 1024 times in f32', async () => {
    const { config } = families.opt;
    const tensors = optTensors();
    tensors['model.decoder.layers.1.fc2.weight'].values[5] = 64;
    const [own, wide] = [
      await run(await folderOf(tensors, 'F16', { config })),
      await run(await folderOf(tensors, 'F16', { config, asF32: true })),
    ];
    expect(own.logits).toEqual(wide.logits);
  });

  it('keeps a layer with a weight that f16 cannot hold 1024 times in f32', async () => {
    const tensors = tinyTensors(tinyConfig, 3);
    tensors['model.layers.1.mlp.up_proj.weight'].values[5] = 64;
    const folder = await folderOf(tensors, 'F16');
    const [own, wide] = [await run(folder), await run(await folderOf(tensors, 'F16', { asF32: true }))];
    expect(own.logits).toEqual(wide.logits);
    const { layers } = await inspect(folder);
    expect(own.forms.map(({ values }) => values)).toEqual(layers.map(({ runs }) => runs.values));
    expect(own.forms.filter(({ values }) => values === 'f32').map(({ block, name }) => [block, name])).toEqual([
      [1, 'mlp.up_proj'],
    ]);
  });

  it.each(['F32', 'BF16'] as const)('of %s runs in int8 as the same weights after rounding do', async (dtype) => {
    const tensors = tinyTensors(tinyConfig, 3);
    const own = await run(await folderOf(tensors, dtype), { values: 'int8' });
    expect(own.forms.every((form) => form.values === 'int8' && !form.sparse)).toBe(true);
    const rounded = await run(
      await folderOf(tensors, dtype, {
        asF32: true,
        change: (values, [rows, columns]) => {
          const { values: whole, scale } = toInt8(values, rows, columns);
          return Float32Array.from(whole, (v, i) => v * scale[Math.floor(i / columns)]);
        },
      }),
    );
    // They differ by what rounding tokens to int16 does.
    expect(own.logits).not.toEqual(rounded.logits);
    expect(own.logits).toBeAllClose(rounded.logits, 1e-3, 1e-3);
  });

  it('runs pruned layers of int8 as sparse matrices, with the weights that dense ones have', async () => {
    const folder = await folderOf(pruned(), 'F32');
    const options = { values: 'int8', prefer: 'size' } as const;
    const [sparse, dense] = [await run(folder, options), await run(folder, { ...options, sparse: false })];
    expect(sparse.forms.every((form) => form.values === 'int8' && form.sparse)).toBe(true);
    expect(dense.forms.every((form) => form.values === 'int8' && !form.sparse)).toBe(true);
    expect(sparse.logits).not.toEqual(dense.logits);
    expect(sparse.logits).toBeAllClose(dense.logits, 1e-3, 1e-3);
  });

  it('refuses other values', async () => {
    const loading = loadModel(undefined, { values: 'int4' as 'int8' });
    await expect(loading).rejects.toThrow('expected values to be one of stored, int8, got "int4"');
  });

  it('refuses another preference', async () => {
    const loading = loadModel(undefined, { prefer: 'space' as 'size' });
    await expect(loading).rejects.toThrow(UsageError);
    await expect(loading).rejects.toThrow('expected prefer to be one of speed, size, got "space"');
  });
});

describe('loadMatrix', () => {
  it.each(['f32', 'f16'] as const)('turns rows of %s into columns, some of them at a time', async (values) => {
    const backend = await createWasmBackend();
    // More than a stretch of 2²⁰ elements.
    const [rows, columns] = [1027, 1033];
    const stored = Float32Array.from({ length: rows * columns }, (_, i) => (i % 2039) / 64);
    const source = { rows, columns, dtype: 'F32', inParts: true, read: async () => stored };
    const matrix = await loadMatrix(backend, source, { values, sparse: false, columns: true }, new Scratch());
    if (!(matrix instanceof ColumnMatrix)) throw new Error('expected a matrix by columns');
    const turned = new Float32Array(stored.length);
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) turned[c * rows + r] = stored[r * columns + c];
    const [held, wanted] = [
      await backend.read(matrix.values as Tensor),
      values === 'f32' ? turned : (patternsOf('f16', turned) as Uint16Array),
    ];
    expect(held.length).toBe(wanted.length);
    expect(held.every((value, i) => value === wanted[i])).toBe(true);
    await backend.dispose();
  });
});
