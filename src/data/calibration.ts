// Calibration sequences by the draw of the published code (algorithms.md §2; Wanda's `get_c4` and `get_wikitext2`), so
// that the same data and seed give the same windows, and thereby the same masks.

import { DataError, UsageError } from '../errors.js';
import { safePoint } from '../progress.js';
import type { LongTextOptions } from '../text/long-text.js';
import { type Documents, inMemory } from './documents.js';
import { checkedWindows, type Encoder, encoding } from './encoding.js';
import type { CalibrationSource, WindowsSource } from './kinds.js';
import { PythonRandom } from './random.js';

/**
 * How far the draw looks ahead. Where every look goes through the whole file, far enough for the 128 windows of 2048 tokens
 * of the papers: one document in thirty of C4 has more, and two words in three give one.
 */
const wordsAhead = 1 << 14;
const wordsAheadAtHand = 64;
/** Bytes of documents that are kept meanwhile. */
const mostBytesAhead = 1 << 27;

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
  const encode = encoding(tokenizer, vocabSize, source.name, options);
  const random = new PythonRandom(seed);
  options.onProgress?.({ phase: 'tokenize', done: 0, total: samples });
  await safePoint(options.signal);
  const drawnFrom = contentOf(source);
  const draw =
    typeof drawnFrom === 'string'
      ? fromText(await encode(drawnFrom), random, seqLen, source.name)
      : fromDocuments(drawnFrom, encode, random, seqLen, source.name, options);
  const windows: Int32Array[] = [];
  for await (const window of draw) {
    if (window) {
      windows.push(window);
      options.onProgress?.({ phase: 'tokenize', done: windows.length, total: samples });
      if (windows.length === samples) break;
    }
    await safePoint(options.signal);
  }
  return windows;
}

/** The one text, or the documents, that windows are drawn from. */
function contentOf(source: Exclude<CalibrationSource, WindowsSource>): string | Documents {
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

/** Endless windows, each of a document of its own draw; undefined after a draw that met a document too short. */
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
  let fetched = new Map<number, string>();
  let longest = 0;
  for (;;) {
    const i = random.randint(0, documents.length - 1);
    if (!short.has(i) && !long.has(i)) {
      if (!fetched.has(i)) {
        const known = (index: number) => short.has(index) || long.has(index);
        fetched = await documents.pick(soonDrawn(i, documents, random, known), options);
      }
      const text = fetched.get(i) as string;
      fetched.delete(i);
      const ids = await encode(text);
      longest = Math.max(longest, ids.length);
      if (ids.length > seqLen) long.set(i, ids);
      else short.add(i);
      if (!long.has(i)) yield undefined;
    }
    const ids = long.get(i);
    if (ids) yield windowAt(ids, random, seqLen);
    else if (short.size === documents.length)
      throw new DataError({
        expected: `a document of more than ${seqLen} tokens; give longer documents or a smaller --seq-len`,
        got: `${documents.length} documents, the longest of ${longest} tokens`,
        where: name,
      });
  }
}

/** Document `i` and those that may be drawn after it, as many as there is room for. */
function soonDrawn(i: number, documents: Documents, random: PythonRandom, known: (index: number) => boolean): number[] {
  const soon = new Set([i]);
  let bytes = documents.sizeOf(i);
  for (const index of random.ahead(documents.length, documents.passes ? wordsAhead : wordsAheadAtHand)) {
    if (known(index) || soon.has(index)) continue;
    bytes += documents.sizeOf(index);
    if (bytes > mostBytesAhead) break;
    soon.add(index);
  }
  return [...soon];
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
