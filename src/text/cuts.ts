// Where a text may be cut so that its parts, tokenized one by one, give the ids of the whole: between an ASCII letter and
// a space before another ASCII letter, if what comes after (the pre-tokenizer, else the merges) cannot reach across. A
// tokenizer for which that is not shown here is not cut. docs/tokenizers.md has the argument in full.

import type { Pipeline, PreTokenizer } from './pipeline.js';

/** What stands for the space when it comes to the pre-tokenizer. */
const space = ' ';
const lowLine = '▁';
/** The byte-level spelling of a space. */
const byteSpace = 'Ġ';

/**
 * Patterns of Split that end a match between a letter and a space: none of their alternatives has a space after a
 * letter, none looks further than one character past its end or before its beginning. Qwen 2's, Llama 3's.
 */
const splitting: readonly string[] = ['\\p{N}', '\\p{N}{1,3}'].map(
  (digits) =>
    `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
);

/** For `letter` before a space (`space` or `lowLine`) and a letter: whether there may be a cut before the space. */
export type CutRule = (letter: number, space: number) => boolean;

/** The rule of a tokenizer, for text after its normalizer and between its added tokens; null where nothing is shown. */
export function cutRule({ pre_tokenizer, model, merger }: Pipeline): CutRule | null {
  const reach = reachOf(pre_tokenizer);
  if (reach === 'unknown') return null;
  // A run of unknown tokens is one: the library sees them across words, but not across parts.
  if (reach === 'word') return model.fuse_unk ? null : (_, gap) => gap === space.charCodeAt(0);
  if (!merger || model.ignore_merges) return null;
  if (model.fuse_unk && /^[ ▁]/.test(model.unk_token ?? '')) return null;
  const spelled = (gap: number) =>
    (reach === 'bytes' ? byteSpace : reach === 'spaces' ? lowLine : null)?.charCodeAt(0) ?? gap;
  return (letter, gap) => {
    if (reach === 'bytes' && gap !== space.charCodeAt(0)) return false;
    return merger.separates(letter, spelled(gap));
  };
}

/**
 * What becomes of "x y" in a pre-tokenizer: two words, the second with the space; or one word, in which the space is as
 * it was ('text'), ▁ ('spaces') or Ġ ('bytes'). Where a part begins with a space, none of these puts one before it.
 */
type Reach = 'word' | 'text' | 'spaces' | 'bytes' | 'unknown';

function reachOf(preTokenizer: PreTokenizer | null): Reach {
  if (!preTokenizer) return 'text';
  if (preTokenizer.tokenizers) {
    for (const part of preTokenizer.tokenizers) {
      const reach = reachOf(part);
      // Words that are cut already stay apart, whatever comes after.
      if (reach !== 'text') return reach === 'word' || part === preTokenizer.tokenizers.at(-1) ? reach : 'unknown';
    }
    return 'text';
  }
  const { config = {} } = preTokenizer as { config?: Record<string, unknown> };
  const own = preTokenizer as unknown as { replacement?: string; str_rep?: string };
  if (own.replacement !== undefined)
    return own.replacement === lowLine && own.str_rep === lowLine ? 'spaces' : 'unknown';
  switch (config.type) {
    case 'ByteLevel':
      return config.use_regex === false ? 'bytes' : 'word';
    case 'Split': {
      const pattern = (config.pattern as { Regex?: unknown } | undefined)?.Regex;
      const whole = config.invert === true || String(config.behavior).toLowerCase() === 'isolated';
      return whole && typeof pattern === 'string' && splitting.includes(pattern) ? 'word' : 'unknown';
    }
    case 'Digits':
      return 'text';
    default:
      return 'unknown';
  }
}

/**
 * `text` in parts of about `length` or more characters, cut by `rule`. The letter after the space is more than most of the
 * argument needs; such places are many.
 */
export function* cut(text: string, rule: CutRule, length: number): Generator<string> {
  let begin = 0;
  for (let at = Math.max(1, length); at + 1 < text.length; at++) {
    if (!isGap(text.charCodeAt(at)) || !isLetter(text.charCodeAt(at - 1)) || !isLetter(text.charCodeAt(at + 1)))
      continue;
    if (!rule(text.charCodeAt(at - 1), text.charCodeAt(at))) continue;
    yield text.slice(begin, at);
    begin = at;
    at += Math.max(1, length) - 1;
  }
  yield text.slice(begin);
}

const isGap = (unit: number) => unit === space.charCodeAt(0) || unit === lowLine.charCodeAt(0);
const isLetter = (unit: number) => (unit >= 65 && unit <= 90) || (unit >= 97 && unit <= 122);
