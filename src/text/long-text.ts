// Tokenizing long texts: the steps of the library up to the pre-tokenizer on the whole text, the rest part by part
// (cuts.ts), on worker threads where there is enough for them. In between signals are heard and progress is told.

import { encodePool } from '../package-files.js';
import { type LongRunning, safePoint } from '../progress.js';
import { type CutRule, cut, cutRule } from './cuts.js';
import type { EncodePool, openPool as open, Part, TokenizerParts } from './encode-pool.js';
import type { Pipeline } from './pipeline.js';

/** UTF-16 units of a part: tens of milliseconds of work. */
export const PART_LENGTH = 1 << 17;
/** Shorter texts are done before a second thread has read the tokenizer. */
export const LENGTH_FOR_THREADS = 1 << 24;

/** A text between added tokens, after normalization, or the token itself. */
type Section = { token: string } | { text: string; index: number };

export interface LongTextOptions extends LongRunning {
  /** Threads that may work; 1, or a text that is too short for more, starts none. */
  threads?: number | undefined;
  /** For tests: other lengths of parts. */
  partLength?: number | undefined;
  lengthForThreads?: number | undefined;
}

/** Stands for a token without an id. */
export const NO_ID = -1;

/**
 * The ids of `text` without what a post-processor adds, `NO_ID` for tokens that have none; null for a tokenizer whose
 * steps are not told apart here.
 * @param openPool for tests: another way to threads
 */
export async function encodeInParts(
  pipeline: Pipeline,
  parts: TokenizerParts,
  text: string,
  options: LongTextOptions,
  openPool?: typeof open,
): Promise<Int32Array | null> {
  const { signal, onProgress, threads = 1 } = options;
  const { partLength = PART_LENGTH, lengthForThreads = LENGTH_FOR_THREADS } = options;
  const rule = cutRule(pipeline);
  if (rule === null || pipeline.remove_space || pipeline.do_lowercase_and_remove_accent) return null;
  await safePoint(signal);
  const work = partsOf(sectionsOf(pipeline, text), rule, partLength);
  const total = text.length;
  const done: Int32Array[] = [];
  const count = (part: Work) => ('text' in part ? part.text.length : part.token.length);
  let reached = 0;
  const report = (part: Work) => {
    reached += count(part);
    onProgress?.({ phase: 'tokenize', done: Math.min(reached, total), total });
  };
  const few = work.length < 2 || text.length < lengthForThreads;
  const pool = threads > 1 && !few ? await (openPool ?? ownPool)(parts, threads) : null;
  try {
    if (pool) {
      let next = 0;
      let works = true;
      // A thread that fails leaves its part, and all that come, to this one.
      const onThread = async (part: Part) => {
        if (works)
          try {
            return await pool.encode(part, signal);
          } catch {
            works = false;
          }
        await safePoint(signal);
        return encodePart(pipeline, part);
      };
      const lane = async () => {
        while (next < work.length) {
          signal?.throwIfAborted();
          const at = next++;
          const part = work[at];
          done[at] = 'token' in part ? idsOf(pipeline, [part.token]) : await onThread(part);
          report(part);
        }
      };
      await Promise.all(Array.from({ length: threads + 1 }, lane));
    } else
      for (const part of work) {
        await safePoint(signal);
        done.push('token' in part ? idsOf(pipeline, [part.token]) : encodePart(pipeline, part));
        report(part);
      }
  } finally {
    await pool?.close();
  }
  return joined(done);
}

/** Threads of Node. There are none in a bundle, which leaves them out: then this thread does the work. */
async function ownPool(...of: Parameters<typeof open>): Promise<EncodePool | null> {
  const { href } = encodePool();
  const made = (await import(/* @vite-ignore */ /* webpackIgnore: true */ href).catch(() => null)) as {
    openPool: typeof open;
  } | null;
  return made?.openPool(...of) ?? null;
}

/** The ids of one part. */
export function encodePart(pipeline: Pipeline, { text, index }: Part): Int32Array {
  const words = pipeline.pre_tokenizer ? pipeline.pre_tokenizer(text, { section_index: index }) : [text];
  return idsOf(pipeline, pipeline.model(words));
}

function idsOf({ added_tokens_map, model }: Pipeline, tokens: readonly string[]): Int32Array {
  return Int32Array.from(
    tokens,
    (token) => added_tokens_map.get(token)?.id ?? model.tokens_to_ids.get(token) ?? model.unk_token_id ?? NO_ID,
  );
}

/** As the library's `encode_text` does it: added tokens, normalizer, added tokens of normalized text. */
function sectionsOf(pipeline: Pipeline, text: string): Section[] {
  const { splitter_unnormalized, splitter_normalized, normalizer, added_tokens_map } = pipeline;
  const sections: Section[] = [];
  for (const [index, section] of stripped(pipeline, splitter_unnormalized.split(text)).entries()) {
    if (section.length === 0) continue;
    if (added_tokens_map.has(section)) sections.push({ token: section });
    else
      for (const part of stripped(pipeline, splitter_normalized.split(normalizer ? normalizer(section) : section)))
        if (added_tokens_map.has(part)) sections.push({ token: part });
        else if (part.length > 0) sections.push({ text: part, index });
  }
  return sections;
}

/** Added tokens take white space beside them away, where they say so. */
function stripped({ added_tokens_map }: Pipeline, sections: string[]): string[] {
  for (const [i, section] of sections.entries()) {
    const token = added_tokens_map.get(section);
    if (token?.lstrip && i > 0) sections[i - 1] = sections[i - 1].trimEnd();
    if (token?.rstrip && i + 1 < sections.length) sections[i + 1] = sections[i + 1].trimStart();
  }
  return sections;
}

type Work = Part | { token: string };

function partsOf(sections: readonly Section[], rule: CutRule, length: number): Work[] {
  return sections.flatMap((section): Work[] =>
    'token' in section
      ? [section]
      : Array.from(cut(section.text, rule, length), (text) => ({ text, index: section.index })),
  );
}

function joined(pieces: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
