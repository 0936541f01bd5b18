// The tokenizers library, mended where it differs from its Rust original or is too slow: byte-pair merging (bpe.ts),
// decoding of byte tokens (byte-fallback.ts), names of normalized added tokens. Also the types of what we use of it:
// the library's own declarations import each other without file extensions, which TypeScript does not follow in ESM.

import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { BpeMerger, type BpeModel } from './bpe.js';
import { joinByteTokens } from './byte-fallback.js';

/** The content of a JSON file. */
export type Json = Record<string, unknown>;

interface AddedToken {
  id: number;
  content: string;
  special: boolean;
  normalized: boolean;
}

interface Decoder {
  config: Json;
  decoders?: Decoder[];
  decode_chain(tokens: string[]): string[];
}

/** A loaded tokenizer.json, as the library sees it. */
export interface Pipeline {
  normalizer: ((text: string) => string) | null;
  model: {
    /** By id; holes where an id stands for nothing. */
    vocab: string[];
    unk_token: string | null | undefined;
    byte_fallback?: boolean;
    bpe?: (text: string) => string[];
  };
  decoder: Decoder | null;
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[]; tokens: string[] };
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string;
  token_to_id(token: string): number | undefined;
  get_added_tokens_decoder(): Map<number, AddedToken>;
}

const absentParts = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };

/**
 * The pipeline that `definition` (tokenizer.json) describes.
 * @param config tokenizer_config.json
 * @throws whatever the library throws where it does not understand the definition
 */
export function makePipeline(definition: Json, config: Json): Pipeline {
  const pipeline: Pipeline = new LibraryTokenizer({ ...absentParts, ...definition }, config);
  replaceMerging(pipeline.model, definition.model as Json);
  if (pipeline.decoder) replaceByteFallback(pipeline.decoder);
  nameNormalizedTokens(pipeline);
  return pipeline;
}

/** Lets our merge loop do the work of the library's, for every BPE without prefixes or suffixes of its own. */
function replaceMerging(library: Pipeline['model'], model: Json): void {
  if (!library.bpe || model.continuing_subword_prefix || model.end_of_word_suffix) return;
  const { vocab, merges } = model as unknown as BpeModel;
  const bytes = new TextEncoder();
  const spelled = (character: string) =>
    library.byte_fallback &&
    bytes.encode(character).every((b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>` in vocab);
  const dropsUnknown = (character: string) => library.unk_token == null && !spelled(character);
  const merger = new BpeMerger({ vocab, merges, dropsUnknown });
  library.bpe = (text) => merger.merge(text);
}

function replaceByteFallback(decoder: Decoder): void {
  for (const part of decoder.decoders ?? []) replaceByteFallback(part);
  if (decoder.config.type === 'ByteFallback') decoder.decode_chain = joinByteTokens;
}

/** An added token that is matched in normalized text is also decoded as its normalized form (`▁<s>`). */
function nameNormalizedTokens(pipeline: Pipeline): void {
  if (!pipeline.normalizer) return;
  for (const [id, token] of pipeline.get_added_tokens_decoder())
    if (token.normalized) pipeline.model.vocab[id] = pipeline.normalizer(token.content);
}
