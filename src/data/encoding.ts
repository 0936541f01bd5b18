// Text to ids that fit the model: the step between a source and its windows.

import { DataError } from '../errors.js';
import { type LongTextOptions, PART_LENGTH } from '../text/long-text.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { WindowsSource } from './kinds.js';

/** What of a tokenizer the windows need. */
export type Encoder = Pick<Tokenizer, 'encode'> & Partial<Pick<Tokenizer, 'encodeLong'>>;

/** `text` → ids (progress in characters), what the tokenizer puts around a text included; each id below `vocabSize` (the model's). */
export function encoding(
  tokenizer: Encoder | null,
  vocabSize: number,
  name: string,
  options: LongTextOptions = {},
): (text: string) => Promise<Int32Array> {
  if (!tokenizer)
    throw new DataError({
      expected: 'a tokenizer in the model folder, or token windows (a .json array of arrays of ids)',
      got: 'text and no tokenizer',
      where: name,
    });
  return async (text) => {
    const report = (done: number) => options.onProgress?.({ phase: 'tokenize', done, total: text.length });
    report(0);
    const ids =
      tokenizer.encodeLong && text.length > PART_LENGTH
        ? await tokenizer.encodeLong(text, options)
        : Int32Array.from(tokenizer.encode(text));
    report(text.length);
    const wrong = ids.find((id) => id >= vocabSize);
    if (wrong !== undefined)
      throw new DataError({
        expected: `a tokenizer that fits the model's vocabulary of ${vocabSize}`,
        got: `id ${wrong}`,
        where: name,
      });
    return ids;
  };
}

/** The windows of a source of token ids, each id checked to be below `vocabSize`. */
export function checkedWindows({ windows, name }: WindowsSource, vocabSize: number): Int32Array[] {
  windows.forEach((window, i) => {
    const wrong = window.find((id) => !(id >= 0 && id < vocabSize));
    if (wrong !== undefined)
      throw new DataError({
        expected: `token ids from 0 to ${vocabSize - 1} (the model's vocabulary)`,
        got: `${wrong}`,
        where: `${name}, window ${i}`,
      });
  });
  return windows;
}
