// The tokenizers library, mended where it differs from its Rust original or is too slow: byte-pair merging (bpe.ts),
// decoding of byte tokens (byte-fallback.ts), names of normalized added tokens. Also the types of what we use of it:
// the library's own declarations import each other without file extensions, which TypeScript does not follow in ESM.

import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { BpeMerger, type BpeModel, type Merging } from './bpe.js';
import { joinByteTokens } from './byte-fallback.js';
import type { Json } from './json.js';

interface AddedToken {
  id: number;
  content: string;
  special: boolean;
  normalized: boolean;
  lstrip: boolean;
  rstrip: boolean;
}

interface Decoder {
  config: Json;
  decoders?: Decoder[];
  decode_chain(tokens: string[]): string[];
}

export interface PreTokenizer {
  (text: string, options: { section_index: number }): string[];
  config?: Json;
  pattern?: RegExp;
  tokenizers?: PreTokenizer[];
}

/** Cuts a text around the added tokens in it. */
interface Splitter {
  split(text: string): string[];
}

/** A loaded tokenizer.json, as the library sees it. */
export interface Pipeline {
  pre_tokenizer: PreTokenizer | null;
  normalizer: ((text: string) => string) | null;
  model: {
    (words: string[]): string[];
    /** By id; holes where an id stands for nothing. */
    vocab: string[];
    tokens_to_ids: Map<string, number>;
    unk_token: string | null | undefined;
    unk_token_id: number | undefined;
    fuse_unk?: boolean;
    byte_fallback?: boolean;
    ignore_merges?: boolean;
    bpe?: (text: string) => string[];
  };
  post_processor: ((tokens: string[], pair: null, addSpecialTokens: boolean) => { tokens: string[] }) | null;
  added_tokens_map: Map<string, AddedToken>;
  splitter_unnormalized: Splitter;
  splitter_normalized: Splitter;
  remove_space?: boolean;
  do_lowercase_and_remove_accent?: boolean;
  decoder: Decoder | null;
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[]; tokens: string[] };
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string;
  token_to_id(token: string): number | undefined;
  get_added_tokens_decoder(): Map<number, AddedToken>;
  /** What merges in the place of the library, where it does. */
  merger?: BpeMerger;
}

const absentParts = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };

/**
 * The pipeline that `definition` (tokenizer.json) describes.
 * @param config tokenizer_config.json
 * @param merging what the definition has no words for
 * @throws whatever the library throws where it does not understand the definition
 */
export function makePipeline(definition: Json, config: Json, merging: Merging = {}): Pipeline {
  const pipeline: Pipeline = new LibraryTokenizer({ ...absentParts, ...definition }, config);
  const merger = replaceMerging(pipeline.model, definition.model as Json, merging);
  if (merger) pipeline.merger = merger;
  if (pipeline.decoder) replaceByteFallback(pipeline.decoder);
  if (pipeline.pre_tokenizer) replaceWordPattern(pipeline.pre_tokenizer);
  nameNormalizedTokens(pipeline);
  return pipeline;
}

/** Lets our merge loop do the work of the library's, for every BPE without prefixes or suffixes of its own. */
function replaceMerging(library: Pipeline['model'], model: Json, merging: Merging): BpeMerger | undefined {
  if (!library.bpe || model.continuing_subword_prefix || model.end_of_word_suffix) return undefined;
  const { vocab, merges } = model as unknown as BpeModel;
  const bytes = new TextEncoder();
  const spelled = (character: string) =>
    library.byte_fallback &&
    bytes.encode(character).every((b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>` in vocab);
  const dropsUnknown = (character: string) => library.unk_token == null && !spelled(character);
  const merger = new BpeMerger({ vocab, merges, dropsUnknown, ...merging });
  const isUnknown = (token: string | undefined) =>
    token !== undefined && !Object.hasOwn(vocab, token) && !spelled(token);
  const fuses = model.fuse_unk === true && library.unk_token != null;
  library.bpe = (text) => {
    const tokens = merger.merge(text);
    // A run of unknown characters is one unknown token.
    return fuses ? tokens.filter((token, i) => !(isUnknown(token) && isUnknown(tokens[i - 1]))) : tokens;
  };
  return merger;
}

function replaceByteFallback(decoder: Decoder): void {
  for (const part of decoder.decoders ?? []) replaceByteFallback(part);
  if (decoder.config.type === 'ByteFallback') decoder.decode_chain = joinByteTokens;
}

/** GPT-2's words, with white space as Unicode has it: `\s` of JavaScript has U+FEFF besides and lacks U+0085. */
const words =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

function replaceWordPattern(preTokenizer: PreTokenizer): void {
  for (const part of preTokenizer.tokenizers ?? []) replaceWordPattern(part);
  if (preTokenizer.config?.type === 'ByteLevel') preTokenizer.pattern = words;
}

/** An added token that is matched in normalized text is also decoded as its normalized form (`▁<s>`). */
function nameNormalizedTokens(pipeline: Pipeline): void {
  if (!pipeline.normalizer) return;
  for (const [id, token] of pipeline.get_added_tokens_decoder())
    if (token.normalized) pipeline.model.vocab[id] = pipeline.normalizer(token.content);
}
