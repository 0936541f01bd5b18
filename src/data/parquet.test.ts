// Columns of text as pyarrow writes them (test/golden/make_parquet.py), and files that are none, or hostile.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError } from '../errors.js';
import type { StoredSource } from './kinds.js';
import { openParquet } from './parquet.js';
import read from './parquet-worker.js';
import { readSource } from './source.js';

const golden = (name: string) => fileURLToPath(new URL(`../../test/golden/parquet/${name}.parquet`, import.meta.url));
const some = [
  '',
  ' = Robert Boulter = \n',
  '',
  ' Robert Boulter is an English film , television and theatre actor . \n',
  'naïve 👋\n',
];
const rows = [...some, ...some, ...some, ...some, ...some];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroal-parquet-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a parquet file', () => {
  it.each(['snappy', 'gzip-groups', 'brotli', 'plain-pages', 'delta'])(
    'gives the texts that pyarrow wrote: %s',
    async (name) => {
      const path = golden(name);
      expect(await readSource(path)).toEqual({ kind: 'documents', name: `${name}.parquet`, documents: rows });
      const { documents } = (await readSource(path, { use: 'calibration' })) as StoredSource;
      expect(documents.length).toBe(25);
      expect(await documents.pick([24, 1, 7], {})).toEqual(new Map([24, 1, 7].map((i) => [i, rows[i]])));
      expect(documents.sizeOf(3)).toBeGreaterThan(0);
    },
  );

  it('gives the rows of a protocol', async () => {
    expect(await readSource(`wikitext2=${golden('snappy')}`)).toEqual({
      kind: 'protocol',
      protocol: 'wikitext2',
      name: 'wikitext2',
      rows,
    });
    expect(await readSource(`c4=${golden('snappy')}`)).toMatchObject({ protocol: 'c4', rows });
    const sentences = ["no it was n't black monday", 'but while the <unk> N'];
    expect(await readSource(`ptb=${golden('sentences')}`)).toMatchObject({ protocol: 'ptb', rows: sentences });
  });

  it.each([
    ['sentences', 'expected a column "text" of texts, got the columns "sentence", in FILE'],
    ['numbers', 'expected a column "text" of texts, got "text" of another type (INT64), in FILE'],
    ['lists', 'expected a column "text" of texts, got "text" of another type (LIST), in FILE'],
    ['null', 'expected text in UTF-8, got null, in FILE, row 1'],
    ['not-utf8', 'expected text in UTF-8, got bytes that are not, in FILE, row 1'],
    ['empty', 'expected a file with text, got no rows, in FILE'],
    ['lz4', 'expected a parquet file that can be read, got parquet unsupported compression codec: LZ4_RAW, in FILE'],
  ])('is refused where its column is no text: %s', async (name, message) => {
    const error = await readSource(golden(name)).catch((e) => e);
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(message.replace('FILE', golden(name)));
  });

  it('packed by zstd needs a Node that unpacks it', async () => {
    const found = readSource(golden('zstd'));
    if ('zstdDecompressSync' in zlib) expect(await found).toMatchObject({ documents: rows });
    else
      await expect(found).rejects.toThrow(`got pages packed by zstd, which Node ${process.version} cannot unpack, in`);
  });

  it('sends no more than it is asked for, and the first always', async () => {
    const task = (rows: number | number[], characters: number) =>
      read({ path: golden('snappy'), columns: ['text'], rows: { group: 0, rows, characters } });
    expect(await task(25, 1000)).toEqual(rows);
    expect(await task(3, 1000)).toEqual(rows.slice(0, 3));
    // One text of the dictionary in five rows.
    const long = rows[3].length;
    expect(await task([3, 8, 13, 18, 23], 3 * long)).toEqual(new Array(3).fill(rows[3]));
    expect(await task([23, 3], long - 1)).toEqual([rows[3]]);
    expect(await task([24, 1, 7], 1000)).toEqual([24, 1, 7].map((i) => rows[i]));
  });

  it('gives as many of the documents as there is room for, whatever size it announces', async () => {
    for (const name of ['snappy', 'gzip-groups']) {
      const documents = await openParquet(golden(name), ['text'], {}, 2 * rows[3].length);
      const found = await documents.pick([23, 8, 3, 18], {});
      expect(found.get(23)).toBe(rows[3]);
      expect(found.size).toBe(2);
    }
    const bytes = await readFile(golden('snappy'));
    // total_uncompressed_size after num_values, 25: the lowest bit is the sign.
    const before = Buffer.of(0x16, 50, 0x16);
    let changed = 0;
    for (let at = bytes.indexOf(before); at >= 0; at = bytes.indexOf(before, at + 1), changed++) bytes[at + 3] |= 1;
    expect(changed).toBe(2);
    const path = join(folder, 'negative.parquet');
    await writeFile(path, bytes);
    const { documents } = (await readSource(path, { use: 'calibration' })) as StoredSource;
    expect(documents.sizeOf(3)).toBe(1);
  });

  it.each([
    ['text', 'This is no parquet file, but long enough to be one.'],
    ['few bytes', 'PAR1'],
    [
      'a footer beyond the file',
      Buffer.from([...Buffer.from('PAR1xxxxxxxx'), 255, 255, 255, 127, ...Buffer.from('PAR1')]),
    ],
  ])('is not %s', async (_, content) => {
    const path = join(folder, 'x.parquet');
    await writeFile(path, content);
    await expect(readSource(path)).rejects.toThrow('expected a parquet file that can be read, got ');
  });

  it('that was changed or cut gives rows or a clear error, and leaves the program alive', async () => {
    const bytes = await readFile(golden('gzip-groups'));
    const path = join(folder, 'changed.parquet');
    const change = fc.record({
      at: fc.nat(bytes.length - 1),
      to: fc.nat(255),
      cut: fc.option(fc.nat(bytes.length - 1), { freq: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        let spoiled = Buffer.from(bytes);
        for (const { at, to, cut } of changes) {
          if (at < spoiled.length) spoiled[at] = to;
          if (cut !== null) spoiled = spoiled.subarray(0, cut + 1);
        }
        await writeFile(path, spoiled);
        const result = await readSource(path).catch((error) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(DataError);
        else for (const text of result.documents) expect(typeof text).toBe('string');
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('stops when asked to', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(readSource(golden('snappy'), { signal })).rejects.toThrow('enough');
  });
});
