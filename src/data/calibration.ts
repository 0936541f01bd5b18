// Calibration sequences by the draw of the published code (algorithms.md §2; Wanda's `get_c4` and `get_wikitext2`), so
// that the same data and seed give the same windows, and thereby the same masks.

import { DataError, UsageError } from '../errors.js';
import { safePoint } from '../progress.js';
import type { LongTextOptions } from '../text/long-text.js';
import { type Documents, inMemory } from './documents.js';
import { checkedWindows, type Encoder, encoding } from './encoding.js';
import type { CalibrationSource, WindowsSource } from './kinds.js';
import { mostBytesAhead } from './limits.js';
import { PythonRandom } from './random.js';

/**
 * How far the draw looks ahead. Where every look goes through the whole file, far enough for the 128 windows of 2048 tokens
 * of the papers: one document in thirty of C4 has more, and two words in three give one.
 */
const wordsAhead = 1 << 14;
const wordsAheadAtHand = 64;

/**
 * After so many passes through the file without a window, all documents are measured in order, each once: chance alone
 * would come to the last of n after n·ln n draws.
 */
const mostFruitlessPasses = 4;
/** Draws of documents already known to be too short, between two safe points. */
const drawsAtOnce = 1 << 16;

/** What a document takes in memory beside its text. */
const bytesBeside = 100;

export interface CalibrationOptions extends LongTextOptions {
  /** How many windows to draw; of given token windows, how many to take at most. */
  samples: number;
  /** T, if the user asked for one: given token windows must then have it. */
  seqLen?: number | undefined;
  /** T of a text where `seqLen` is not given: the model's own, at most 2048. */
  defaultSeqLen: number;
  /** Of the draw; a non-negative integer. */
  seed: number | bigint;
  /** Ids must be below it. */
  vocabSize: number;
}

/**
 * `samples` windows of T ids each. Documents: one with more than T tokens is drawn, then a window in it. One text
 * (WikiText-2 and PTB: their rows joined with " ") is tokenised once, and one position drawn per window. Token windows
 * are taken in order, all of them if there are fewer than `samples`.
 * @throws DataError where the text is too short, the windows differ in length, or an id is outside the vocabulary
 */
export async function calibrationWindows(
  source: CalibrationSource,
  tokenizer: Encoder | null,
  options: CalibrationOptions,
): Promise<Int32Array[]> {
  const { samples, seqLen = options.defaultSeqLen, seed, vocabSize } = options;
  positive('number of windows', samples);
  positive('window length', seqLen);
  if (source.kind === 'windows') return givenWindows(source, options);
  const random = new PythonRandom(seed);
  await safePoint(options.signal);
  const drawnFrom = drawnContent(source);
  const windows: Int32Array[] = [];
  if (typeof drawnFrom === 'string') {
    // Progress is in characters: the windows are drawn in no time.
    const ids = await encoding(tokenizer, vocabSize, source.name, options)(drawnFrom);
    const draw = fromText(ids, random, seqLen, source.name);
    while (windows.length < samples) windows.push(draw.next().value as Int32Array);
    return windows;
  }
  // In windows: a document's own progress would be of other units.
  const encode = encoding(tokenizer, vocabSize, source.name, { ...options, onProgress: undefined });
  const report = () => options.onProgress?.({ phase: 'tokenize', done: windows.length, total: samples });
  report();
  for await (const window of fromDocuments(drawnFrom, encode, random, seqLen, source.name, options)) {
    if (window) {
      windows.push(window);
      report();
      if (windows.length === samples) break;
    }
    await safePoint(options.signal);
  }
  return windows;
}

/** The one text, or the documents, that windows are drawn from. */
function drawnContent(source: Exclude<CalibrationSource, WindowsSource>): string | Documents {
  switch (source.kind) {
    case 'text':
      return source.text;
    case 'documents':
      return inMemory(source.documents);
    case 'stored':
      return source.documents;
    case 'protocol':
      return source.protocol === 'c4' ? inMemory(source.rows) : source.rows.join(' ');
  }
}

/** Endless windows of one text. */
function* fromText(ids: Int32Array, random: PythonRandom, seqLen: number, name: string): Generator<Int32Array> {
  if (ids.length <= seqLen)
    throw new DataError({
      expected: `a text of more than ${seqLen} tokens (one window); give a longer text or a smaller --seq-len`,
      got: `${ids.length} tokens`,
      where: name,
    });
  for (;;) yield windowAt(ids, random, seqLen);
}

/** Endless windows, each of a document of its own draw; undefined after a document too short, or many. */
async function* fromDocuments(
  documents: Documents,
  encode: (text: string) => Promise<Int32Array>,
  random: PythonRandom,
  seqLen: number,
  name: string,
  options: LongTextOptions,
): AsyncGenerator<Int32Array | undefined> {
  const long = new Map<number, Int32Array>();
  const short = new Set<number>();
  const known = (index: number) => short.has(index) || long.has(index);
  let fetched = new Map<number, string>();
  let longest = 0;
  let fruitless = 0;
  let draws = 0;
  const measure = async (index: number, text: string) => {
    const ids = await encode(text);
    longest = Math.max(longest, ids.length);
    if (ids.length > seqLen) long.set(index, ids);
    else short.add(index);
  };
  for (;;) {
    const i = random.randint(0, documents.length - 1);
    while (!known(i)) {
      if (!fetched.has(i)) {
        const all = documents.passes && fruitless++ >= mostFruitlessPasses;
        const ahead = all ? range(documents.length) : soonDrawn(documents, random);
        fetched = await documents.pick(asMany(i, ahead, documents, known), options);
        if (all)
          for (const [index, text] of fetched) {
            await measure(index, text);
            fetched.delete(index);
            yield undefined;
          }
      }
      const text = fetched.get(i);
      fetched.delete(i);
      if (text !== undefined) {
        await measure(i, text);
        yield undefined;
      }
    }
    const ids = long.get(i);
    if (ids) {
      // What was begun, measuring all, is gone on with.
      if (fruitless <= mostFruitlessPasses) fruitless = 0;
      yield windowAt(ids, random, seqLen);
    } else if (short.size === documents.length)
      throw new DataError({
        expected: `a document of more than ${seqLen} tokens; give longer documents or a smaller --seq-len`,
        got: `${documents.length} documents, the longest of ${longest} tokens`,
        where: name,
      });
    else if (++draws % drawsAtOnce === 0) yield undefined;
  }
}

function* range(end: number): Generator<number> {
  for (let i = 0; i < end; i++) yield i;
}

/** Documents that may be drawn next. */
const soonDrawn = (documents: Documents, random: PythonRandom) =>
  random.ahead(documents.length, documents.passes ? wordsAhead : wordsAheadAtHand);

/** Document `i` and those `ahead` that are not known, as many as there is room for. */
function asMany(i: number, ahead: Iterable<number>, documents: Documents, known: (index: number) => boolean): number[] {
  const chosen = new Set([i]);
  let bytes = documents.sizeOf(i) + bytesBeside;
  for (const index of ahead) {
    if (known(index) || chosen.has(index)) continue;
    bytes += documents.sizeOf(index) + bytesBeside;
    if (bytes > mostBytesAhead) break;
    chosen.add(index);
  }
  return [...chosen];
}

function windowAt(ids: Int32Array, random: PythonRandom, seqLen: number): Int32Array {
  const begin = random.randint(0, ids.length - seqLen - 1);
  return ids.slice(begin, begin + seqLen);
}

function givenWindows(source: WindowsSource, { samples, seqLen, vocabSize }: CalibrationOptions): Int32Array[] {
  const windows = source.windows.slice(0, samples);
  const length = seqLen ?? windows[0]?.length;
  const other = windows.findIndex((window) => window.length !== length);
  if (length === undefined)
    throw new DataError({ expected: 'at least one token window', got: 'none', where: source.name });
  if (other >= 0)
    throw new DataError({
      expected: `windows of ${length} token ids (${seqLen === undefined ? 'as the first has' : '--seq-len'})`,
      got: `${windows[other].length}`,
      where: `${source.name}, window ${other}`,
    });
  return checkedWindows({ ...source, windows }, vocabSize);
}

function positive(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`expected a ${what} of 1 or more (a whole number), got ${value}`);
}
