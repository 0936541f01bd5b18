// The draw from documents that stay in their file is the draw from documents in memory, however far it looks ahead.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Documents, inMemory } from './documents.js';
import { PythonRandom } from './random.js';
import { readSource } from './source.js';
import { calibrationWindows } from './windows.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroal-draw-'));
});
afterAll(() => rm(folder, { recursive: true }));

const characters = { encode: (text: string) => Array.from(text, (c) => c.charCodeAt(0)) };
/** Documents of 1 to 9 characters, each of its own. */
const texts = (count: number) => Array.from({ length: count }, (_, i) => `${i}abcdefgh`.slice(0, 1 + ((i * 7) % 9)));
const draw = (documents: Documents, seed: number, samples = 20) =>
  calibrationWindows({ kind: 'stored', name: 'd', documents }, characters, {
    samples,
    seed,
    defaultSeqLen: 4,
    vocabSize: 128,
  });

describe('looking ahead', () => {
  it('finds every number that may be drawn, and moves nothing', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 400_000 }),
        fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 30 }),
        (seed, count, others) => {
          const random = new PythonRandom(seed);
          const plain = new PythonRandom(seed);
          const soon = new Set(random.ahead(count, 700));
          // Draws of other ranges stand between, as those of windows stand between those of documents.
          for (const other of others) {
            expect(soon.has(random.randint(0, count - 1))).toBe(true);
            random.randint(0, other);
          }
          for (const other of others) [plain.randint(0, count - 1), plain.randint(0, other)];
          expect(random.randint(0, 2 ** 40)).toBe(plain.randint(0, 2 ** 40));
        },
      ),
    );
  });
});

describe('documents in their file', () => {
  it('give the windows of documents in memory', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 9, max: 300 }), fc.nat(), fc.boolean(), async (count, seed, packed) => {
        const all = texts(count);
        const path = join(folder, packed ? 'd.jsonl.gz' : 'd.jsonl');
        const lines = all.map((text) => JSON.stringify({ text })).join('\n');
        await writeFile(path, packed ? gzipSync(lines) : lines);
        const source = await readSource(path, { use: 'calibration' });
        if (source.kind !== 'stored') expect.unreachable();
        else expect(await draw(source.documents, seed)).toEqual(await draw(inMemory(all), seed));
      }),
      { numRuns: 30 },
    );
  });

  it('are measured once each, in few passes, where hardly one is long enough', async () => {
    const all = new Array<string>(20_000).fill('abc');
    let encoded = 0;
    let picks = 0;
    const inFile = (): Documents => ({
      ...inMemory(all),
      passes: true,
      pick: async (indices) => {
        picks++;
        return inMemory(all).pick(indices, {});
      },
    });
    const tokenizer = {
      encode(text: string) {
        encoded++;
        return characters.encode(text);
      },
    };
    const from = (of: Documents) =>
      calibrationWindows({ kind: 'stored', name: 'd', documents: of }, tokenizer, {
        samples: 3,
        seed: 1,
        defaultSeqLen: 4,
        vocabSize: 128,
      });
    await expect(from(inFile())).rejects.toThrow(
      'expected a document of more than 4 tokens; give longer documents or a smaller --seq-len, ' +
        'got 20000 documents, the longest of 3 tokens, in d',
    );
    expect(picks).toBeLessThanOrEqual(5);
    expect(encoded).toBe(20_000);
    picks = 0;
    all.length = 2000;
    all[1234] = 'abcdefgh';
    const windows = await from(inFile());
    expect(picks).toBeLessThanOrEqual(10);
    expect(windows).toEqual(await from(inMemory(all)));
  });

  it('are fetched in few passes, and never too many at once', async () => {
    const all = texts(100_000);
    const picks: number[] = [];
    const documents = (size: number): Documents => ({
      ...inMemory(all),
      passes: true,
      sizeOf: () => size,
      pick: async (indices) => {
        picks.push(indices.length);
        return inMemory(all).pick(indices, {});
      },
    });
    const windows = await draw(documents(2000), 0, 128);
    expect(windows).toEqual(await draw(inMemory(all), 0, 128));
    expect(picks).toHaveLength(1);
    expect(picks[0]).toBeLessThanOrEqual(1 << 14);
    picks.length = 0;
    expect(await draw(documents(1 << 24), 0, 128)).toEqual(windows);
    expect(picks.length).toBeGreaterThan(1);
    for (const count of picks) expect(count * 2 ** 24).toBeLessThanOrEqual(2 ** 27);
  });
});
