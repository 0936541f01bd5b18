import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noShared, shared } from '../../test/setup.js';
import type { LongRunning, Progress } from '../progress.js';
import { PART_LENGTH } from '../text/long-text.js';
import { loadTokenizer } from '../text/tokenizer.js';
import type { CalibrationSource, Source } from './kinds.js';
import { readSource } from './source.js';
import { type CalibrationOptions, calibrationWindows, evaluationWindows, windowsSha256 } from './windows.js';

/** One id per character, its code. */
const characters = { encode: (text: string) => Array.from(text, (c) => c.charCodeAt(0)) };
const text = (length: number): Source => ({
  kind: 'text',
  name: 'a.txt',
  text: 'abcdefghij'.repeat(length).slice(0, length),
});
const documents = (...texts: string[]): Source => ({ kind: 'documents', name: 'd', documents: texts });
const given = (...windows: number[][]): Source => ({
  kind: 'windows',
  name: 'w',
  windows: windows.map((w) => Int32Array.from(w)),
});
const options = { samples: 3, defaultSeqLen: 4, seed: 0, vocabSize: 128 };
const calibrate = (source: Source, more: Partial<CalibrationOptions> = {}) =>
  calibrationWindows(source, characters, { ...options, ...more });

describe('calibrationWindows', () => {
  it('draws windows that stand in the text, the same for the same seed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 5, max: 60 }), fc.nat(), async (length, seed) => {
        const source = text(length) as Extract<Source, { kind: 'text' }>;
        const windows = await calibrate(source, { seed });
        expect(windows).toHaveLength(3);
        for (const window of windows) expect(source.text).toContain(String.fromCharCode(...window));
        expect(await calibrate(source, { seed })).toEqual(windows);
      }),
    );
  });

  it('draws from documents that are long enough', async () => {
    const windows = await calibrate(documents('abc', 'defghijk', 'lmnop', 'qrst'), { samples: 20 });
    for (const window of windows) expect('defghijk lmnop').toContain(String.fromCharCode(...window));
  });

  it('joins the rows of WikiText-2 and PTB with a space, and draws from the documents of C4', async () => {
    const protocol = (protocol: 'ptb' | 'c4', rows: string[]): Source => ({
      kind: 'protocol',
      protocol,
      name: protocol,
      rows,
    });
    const [window] = await calibrate(protocol('ptb', ['ab', 'cd']), { samples: 1 });
    expect(String.fromCharCode(...window)).toBe('ab c');
    expect(String.fromCharCode(...(await calibrate(protocol('c4', ['ab', 'cdefg']), { samples: 1 }))[0])).toBe('cdef');
  });

  it('takes token windows in order, whatever the default length', async () => {
    const source = given([1, 2], [3, 4], [5, 6], [7, 8]);
    const ids = async (more = {}) =>
      (await calibrationWindows(source, null, { ...options, ...more })).map((w) => [...w]);
    expect(await ids()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(await ids({ samples: 100, seqLen: 2 })).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ]);
  });

  it('says what is wrong', async () => {
    await expect(calibrate(text(4))).rejects.toThrow(
      'expected a text of more than 4 tokens (one window); give a longer text or a smaller --seq-len, got 4 tokens, in a.txt',
    );
    await expect(calibrate(documents('abcd', 'ab'))).rejects.toThrow(
      'expected a document of more than 4 tokens; give longer documents or a smaller --seq-len, ' +
        'got 2 documents, the longest of 4 tokens, in d',
    );
    await expect(calibrate(text(9), { vocabSize: 99 })).rejects.toThrow(
      "expected a tokenizer that fits the model's vocabulary of 99, got id 99, in a.txt",
    );
    await expect(calibrate(given([1, 2], [3, 4, 5]))).rejects.toThrow(
      'expected windows of 2 token ids (as the first has), got 3, in w, window 1',
    );
    await expect(calibrate(given([1, 2]), { seqLen: 3 })).rejects.toThrow(
      'expected windows of 3 token ids (--seq-len), got 2, in w, window 0',
    );
    await expect(calibrate(given([1, 200]))).rejects.toThrow(
      "expected token ids from 0 to 127 (the model's vocabulary), got 200, in w, window 0",
    );
    await expect(calibrate(given())).rejects.toThrow('expected at least one token window, got none, in w');
    await expect(calibrationWindows(text(9), null, options)).rejects.toThrow(
      'expected a tokenizer in the model folder, or token windows (a .json array of arrays of ids), got text and no tokenizer, in a.txt',
    );
    await expect(calibrate(text(9), { samples: 0 })).rejects.toThrow(
      'expected a number of windows of 1 or more (a whole number), got 0',
    );
  });

  it('tells progress in characters of a text, in windows of documents', async () => {
    const totals = async (source: Parameters<typeof calibrationWindows>[0]) => {
      const seen: Progress[] = [];
      const long = {
        encode: characters.encode,
        encodeLong: async (t: string, { onProgress }: LongRunning) => {
          onProgress?.({ phase: 'tokenize', done: 1, total: t.length });
          return Int32Array.from(characters.encode(t));
        },
      };
      const onProgress = (progress: Progress) => seen.push(progress);
      const windows = await calibrationWindows(source, long, { ...options, onProgress });
      expect(windows).toHaveLength(options.samples);
      expect(seen.at(-1)).toMatchObject({ done: seen[0].total });
      return [...new Set(seen.map(({ phase, total }) => `${phase} ${total}`))];
    };
    const length = PART_LENGTH + 1;
    expect(await totals(text(length))).toEqual([`tokenize ${length}`]);
    expect(await totals(documents('a'.repeat(length)))).toEqual([`tokenize ${options.samples}`]);
  });

  it('stops when asked to', async () => {
    const stopped = calibrate(text(9), { signal: AbortSignal.abort(new Error('enough')) });
    await expect(stopped).rejects.toThrow('enough');
  });
});

describe('evaluationWindows', () => {
  const evaluate = async (source: Source, seqLen: number, limit?: number) => {
    const { windows, tokens } = await evaluationWindows(source, characters, { seqLen, vocabSize: 128, limit });
    return { windows: windows.map((w) => String.fromCharCode(...w)), tokens };
  };

  it('cuts a text into windows that do not overlap', async () => {
    expect(await evaluate(text(11), 4)).toEqual({ windows: ['abcd', 'efgh'], tokens: 11 });
    expect(await evaluate(text(11), 4, 1)).toEqual({ windows: ['abcd'], tokens: 11 });
    expect(await evaluate(documents('ab', 'cd'), 3)).toEqual({ windows: ['ab\n', '\ncd'], tokens: 6 });
  });

  it('follows the protocols', async () => {
    const rows = ['ab', 'cd'];
    const of = (protocol: 'wikitext2' | 'c4' | 'ptb', rows: string[]): Source => ({
      kind: 'protocol',
      protocol,
      name: protocol,
      rows,
    });
    expect(await evaluate(of('wikitext2', rows), 3)).toEqual({ windows: ['ab\n', '\ncd'], tokens: 6 });
    expect(await evaluate(of('ptb', rows), 2)).toEqual({ windows: ['ab', ' c'], tokens: 5 });
    expect((await evaluate(of('c4', new Array(2000).fill('a')), 2)).tokens).toBe(512);
    expect((await evaluate(of('c4', new Array(2000).fill('a')), 100)).tokens).toBe(2199);
  });

  it('takes token windows of any length without a tokenizer', async () => {
    const source = given([1, 2], [3, 4, 5]);
    const { windows, tokens } = await evaluationWindows(source, null, { seqLen: 512, vocabSize: 6 });
    expect([windows.map((w) => [...w]), tokens]).toEqual([
      [
        [1, 2],
        [3, 4, 5],
      ],
      5,
    ]);
  });

  it('says what is wrong', async () => {
    await expect(evaluate(text(3), 4)).rejects.toThrow(
      'expected a text of at least 4 tokens (one window); give a longer text or a smaller --seq-len, got 3 tokens, in a.txt',
    );
    await expect(evaluate(text(3), 1)).rejects.toThrow('expected a window length of 2 or more (a whole number), got 1');
    await expect(evaluate(text(3), 2, 0)).rejects.toThrow('expected a limit of 1 window or more, got 0');
  });
});

describe('windowsSha256', () => {
  // python3 -c "import hashlib, struct; print(hashlib.sha256(struct.pack('<3i', 1, 2, 70000)).hexdigest())"
  it('is that of the ids as int32', () => {
    const sha = '313a9de55e88265f756e61a8793c45193dade4a5b645f7f35082452e6b133604';
    expect(windowsSha256([[1], Int32Array.of(2, 70000)])).toBe(sha);
  });
});

describe.skipIf(noShared)('the reference windows', () => {
  const json = async (path: string) => JSON.parse(await readFile(join(shared, path), 'utf8'));

  it('of the calibration draw', async () => {
    const draw = await json('reference/draw.json');
    const tokenizer = await loadTokenizer(join(shared, 'embedded'));
    const firstIds = async (
      source: CalibrationSource,
      { windows, seqLen, seed }: { windows: number; seqLen: number; seed: number },
    ) => {
      const drawn = await calibrationWindows(source, tokenizer, {
        samples: windows,
        seqLen,
        defaultSeqLen: 1,
        seed,
        vocabSize: 512,
      });
      for (const window of drawn) expect(window).toHaveLength(seqLen);
      return drawn.map((window) => [...window.slice(0, 4)]);
    };
    const lines = join(shared, 'data/text/c4/c4-sample-1000.jsonl');
    const folder = await mkdtemp(join(tmpdir(), 'neuroal-windows-'));
    try {
      const packed = join(folder, 'c4.json.gz');
      await writeFile(packed, gzipSync(await readFile(lines)));
      for (const source of [lines, `c4=${lines}`, packed, `c4=${packed}`]) {
        const c4 = await readSource(source, { use: 'calibration' });
        expect(c4.kind).toBe('stored');
        for (const row of draw.documents) {
          const expected = row.document_start_firstIds.map((w: [number, number, number[]]) => w[2]);
          expect([source, await firstIds(c4, row)]).toEqual([source, expected]);
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
    const wiki = await readFile(join(shared, 'data/text/wikitext-2/wiki.test.raw'), 'utf8');
    const start: Source = { kind: 'text', name: 'wiki', text: wiki.slice(0, 400000) };
    for (const row of draw.text)
      expect(await firstIds(start, row)).toEqual(row.start_firstIds.map((w: [number, number[]]) => w[1]));
  });

  it.each(['embedded', 'data/models/TinyStories-656K', 'data/models/stories260K-hf'])(
    'of the evaluation: %s',
    async (model) => {
      const tokenizer = await loadTokenizer(join(shared, model));
      const rows = (await json('reference/perplexity.json')).filter((row: { model: string }) => row.model === model);
      for (const row of rows) {
        const source = await readSource((row.protocol === 'text' ? '' : `${row.protocol}=`) + join(shared, row.source));
        const { windows, tokens } = await evaluationWindows(source, tokenizer, {
          seqLen: row.seqLen,
          vocabSize: 2048,
          limit: row.windows,
        });
        expect([row.source, tokens, windows.length, windowsSha256(windows)]).toEqual([
          row.source,
          row.tokens,
          row.windows,
          row.windowsSha256,
        ]);
      }
    },
  );
});
