import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { openSafetensors } from './safetensors.js';
import { indexOf, layOut, type NewTensor } from './safetensors-layout.js';
import { type StoredDtype, sizeOf, valueBytes } from './stored-dtype.js';

let folder: string;
beforeAll(async () => {
  folder = await folderWith();
});
afterAll(() => removeFolder(folder));

/** A tensor of that many bytes. */
const sized = (name: string, bytes: number): NewTensor => ({ name, dtype: 'U8', shape: [bytes] });
const filled = (tensors: NewTensor[], maxBytes: number) =>
  layOut(tensors, maxBytes).map(({ file, tensors: placed }) => `${file} ${placed.map(({ name }) => name)}`);

test('shards are filled in order, and what is too large for one lies alone', () => {
  const tensors = [sized('a', 4), sized('b', 6), sized('c', 11), sized('d', 0), sized('e', 1), sized('f', 10)];
  expect(filled(tensors, 10)).toEqual([
    'model-00001-of-00004.safetensors c',
    'model-00002-of-00004.safetensors a,b,d',
    'model-00003-of-00004.safetensors e',
    'model-00004-of-00004.safetensors f',
  ]);
  expect(filled(tensors, 32)).toEqual(['model.safetensors a,b,c,d,e,f']);
  expect(filled([sized('a', 100)], 10)).toEqual(['model.safetensors a']);
  expect(filled([], 10)).toEqual(['model.safetensors ']);
});

test('the index has every name in order, also such as JavaScript would move or lose', () => {
  const text = indexOf(layOut([sized('b', 3), sized('7', 3), sized('__proto__', 3)], 6));
  expect(text).toBe(`{
  "metadata": {
    "total_size": 9
  },
  "weight_map": {
    "b": "model-00001-of-00002.safetensors",
    "7": "model-00001-of-00002.safetensors",
    "__proto__": "model-00002-of-00002.safetensors"
  }
}
`);
});

test('tensors stay in order where all values are aligned so, and else the widest come first', () => {
  const of = (name: string, dtype: StoredDtype, ...shape: number[]): NewTensor => ({ name, dtype, shape });
  const layer = (name: string, values: number, mask: number) => [
    of(`${name}.shape`, 'I64', 2),
    of(`${name}.compressed`, 'BF16', values),
    of(`${name}.bitmask`, 'U8', mask),
  ];
  const order = (...tensors: NewTensor[]) =>
    layOut(tensors, 1e6)[0]
      .tensors.map(({ name }) => name)
      .join(' ');
  expect(order(...layer('a', 3, 10), ...layer('b', 5, 6))).toBe(
    'a.shape a.compressed a.bitmask b.shape b.compressed b.bitmask',
  );
  // A shape behind 14 bytes would not be aligned, values of 2 bytes are.
  expect(order(...layer('a', 3, 8), ...layer('b', 5, 7))).toBe(
    'a.shape b.shape a.compressed a.bitmask b.compressed b.bitmask',
  );
  expect(order(...layer('a', 3, 7), ...layer('b', 5, 7))).toBe(
    'a.shape b.shape a.compressed b.compressed a.bitmask b.bitmask',
  );
});

test('any tensors: the files open, hold each tensor once, and every value is aligned', async () => {
  const tensor = fc.record({
    dtype: fc.constantFrom(...(Object.keys(valueBytes) as StoredDtype[])),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
  });
  const names = fc.string({ maxLength: 8, unit: 'grapheme' }).filter((name) => name !== '__metadata__');
  await fc.assert(
    fc.asyncProperty(
      fc
        .uniqueArray(names, { maxLength: 8 })
        .chain((some) => fc.tuple(...some.map((n) => fc.tuple(fc.constant(n), tensor)))),
      fc.integer({ min: 1, max: 300 }),
      async (named, maxBytes) => {
        const tensors = named.map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
        const found = new Map<string, object>();
        for (const { file, header, tensors: placed } of layOut(tensors, maxBytes)) {
          const bytes = placed.reduce((sum, { begin, end }) => sum + end - begin, 0);
          if (placed.length > 1) expect(bytes).toBeLessThanOrEqual(maxBytes);
          await writeFile(join(folder, file), Buffer.concat([header, Buffer.alloc(bytes)]));
          const opened = await openSafetensors(join(folder, file));
          expect(opened.headerBytes % 8).toBe(0);
          expect(opened.metadata).toEqual(new Map([['format', 'pt']]));
          for (const { name, begin, end, dtype, shape } of placed) {
            expect(begin % valueBytes[dtype]).toBe(0);
            expect(end - begin).toBe(valueBytes[dtype] * sizeOf(shape));
            expect(opened.tensors.get(name)).toEqual({ dtype, shape, begin, end });
            expect(found.has(name)).toBe(false);
            found.set(name, { name, dtype, shape });
          }
          expect(opened.tensors.size).toBe(placed.length);
          await opened.close();
        }
        expect(tensors.map(({ name }) => found.get(name))).toEqual(tensors);
        expect(found.size).toBe(tensors.length);
      },
    ),
    { numRuns: 200 },
  );
});
