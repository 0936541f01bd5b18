// Sentencepiece BPE models (Llama 1 and 2, Mistral) without a tokenizer.json. Sentencepiece merges the pair whose piece has
// the highest score, of equals the leftmost; so merges get the rank of their score, equal scores the same one, and the
// ids are those of sentencepiece itself, also for runs of spaces (which all have one score in Llama's vocabulary).

import { DataError } from '../errors.js';
import { quoted } from '../quoted.js';
import type { Merging } from './bpe.js';
import type { Json } from './json.js';
import { PieceType, readSentencePiece, type SentencePieceModel } from './sentencepiece-file.js';

/** Far above the longest piece of any model; splitting a piece takes its length squared. */
const longestPiece = 256;

const space = '▁';

/** More than any text begins with. */
const mostSpaces = 2 ** 30;

/** What a tokenizer.json of the model would say, and what it has no words for. */
export interface SentencePieceDefinition {
  definition: Json;
  merging: Merging;
  /** `bos_token`, `eos_token`, `unk_token`, where the model has them. */
  named: Record<string, string>;
  /** Its control tokens. */
  control: string[];
}

/**
 * A tokenizer.model as a definition.
 * @param legacy `legacy` of tokenizer_config.json: whether each text between special tokens begins with a space of its
 *   own (the default, as sentencepiece does), or only the first, if it has none yet
 * @throws DataError for a model that is not BPE, or has settings that cannot be followed
 */
export function sentencePieceDefinition(bytes: Uint8Array, legacy: boolean, where: string): SentencePieceDefinition {
  const model = readSentencePiece(bytes, where);
  checkSettings(model, where);
  const { pieces } = model;
  const vocab = new Map<string, number>();
  for (const [id, { text, score }] of pieces.entries()) {
    const refuse = (expected: string) => {
      throw new DataError({ expected, got: `${quoted(text)}, score ${score}`, where: `${where}, piece ${id}` });
    };
    if (text === '' || [...text].length > longestPiece) refuse(`pieces of 1 to ${longestPiece} characters`);
    if (!Number.isFinite(score)) refuse('finite scores');
    if (vocab.has(text)) refuse('pieces that are all different');
    vocab.set(text, id);
  }
  const of = (type: PieceType) => pieces.filter((piece) => piece.type === type).map((piece) => piece.text);
  const { merges, priorities } = mergesOf(model, vocab);
  const named: Record<string, string> = {};
  for (const [role, id] of Object.entries({ unk_token: model.unkId, bos_token: model.bosId, eos_token: model.eosId }))
    if (id >= 0 && id < pieces.length) named[role] = pieces[id].text;
  const definition = {
    added_tokens: [],
    normalizer: { type: 'Sequence', normalizers: normalizersOf(model, legacy) },
    pre_tokenizer:
      model.addDummyPrefix && !legacy
        ? { type: 'Metaspace', replacement: space, prepend_scheme: 'first', split: false }
        : null,
    post_processor: null,
    decoder: { type: 'Sequence', decoders: decodersOf(model) },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(vocab),
      merges,
      unk_token: named.unk_token ?? null,
      fuse_unk: true,
      byte_fallback: model.byteFallback,
    },
  };
  return {
    definition,
    merging: { priorities, whole: of(PieceType.userDefined) },
    named,
    control: of(PieceType.control),
  };
}

function checkSettings(model: SentencePieceModel, where: string): void {
  const check = (fits: boolean, expected: string, got: string) => {
    if (!fits) throw new DataError({ expected: `${expected}; save the tokenizer as tokenizer.json`, got, where });
  };
  const kinds = ['no kind', 'unigram', 'BPE', 'words', 'characters'];
  check(model.modelType === 2, 'a sentencepiece model of BPE', kinds[model.modelType] ?? `kind ${model.modelType}`);
  check(!model.hasCharsmap, 'no normalization rules', `those of ${quoted(model.normalization)}`);
  check(!model.changesDecodedText, 'no denormalization rules', 'some');
  check(model.escapeWhitespaces, 'escape_whitespaces', 'false');
  check(!model.whitespaceAsSuffix, 'no treat_whitespace_as_suffix', 'true');
  check(
    model.pieces.every((piece) => piece.type !== PieceType.unused),
    'no unused pieces',
    'some',
  );
}

/** Every way to make a normal piece of two others, by score; equal scores have equal priorities. */
function mergesOf({ pieces }: SentencePieceModel, vocab: ReadonlyMap<string, number>) {
  const isNormal = (text: string) => {
    const id = vocab.get(text);
    return id !== undefined && pieces[id].type === PieceType.normal;
  };
  const found: { pair: [string, string]; score: number }[] = [];
  for (const { text, score, type } of pieces) {
    if (type !== PieceType.normal) continue;
    let cut = 0;
    for (const character of text) {
      cut += character.length;
      const pair: [string, string] = [text.slice(0, cut), text.slice(cut)];
      if (isNormal(pair[0]) && isNormal(pair[1])) found.push({ pair, score });
    }
  }
  found.sort((a, b) => b.score - a.score);
  const priorities = new Int32Array(found.length);
  for (let i = 1; i < found.length; i++)
    priorities[i] = priorities[i - 1] + (found[i].score === found[i - 1].score ? 0 : 1);
  return { merges: found.map(({ pair }) => pair), priorities };
}

function normalizersOf({ removeExtraWhitespaces, addDummyPrefix }: SentencePieceModel, legacy: boolean): Json[] {
  // The library's ^ and $ stand for the ends of a line, too.
  const replace = (pattern: Json, content: string) => ({ type: 'Replace', pattern, content });
  return [
    ...(removeExtraWhitespaces ? [replace({ Regex: '(?<![\\s\\S]) +' }, ''), replace({ Regex: ' {2,}' }, ' ')] : []),
    ...(addDummyPrefix && legacy ? [{ type: 'Prepend', prepend: space }] : []),
    replace({ String: ' ' }, space),
    ...(removeExtraWhitespaces ? [replace({ Regex: `(?<!${space})${space}+(?![\\s\\S])` }, '')] : []),
  ];
}

function decodersOf({ byteFallback, addDummyPrefix, removeExtraWhitespaces }: SentencePieceModel): Json[] {
  // What sentencepiece takes from the beginning: its own space, or all where it keeps no extra ones.
  const spaces = removeExtraWhitespaces ? mostSpaces : addDummyPrefix ? 1 : 0;
  return [
    { type: 'Replace', pattern: { String: space }, content: ' ' },
    ...(byteFallback ? [{ type: 'ByteFallback' }] : []),
    { type: 'Fuse' },
    ...(spaces > 0 ? [{ type: 'Strip', content: ' ', start: spaces, stop: 0 }] : []),
  ];
}
