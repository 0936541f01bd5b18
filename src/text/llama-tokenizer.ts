// transformers does not use tokenizer.json as it is written where tokenizer_config.json names the class LlamaTokenizer:
// it keeps vocabulary, merges, added tokens and post-processor and puts a pipeline of its own around them (version 5,
// models/llama/tokenization_llama.py). The ids differ: a text that begins with a space gets no second one, and what the
// vocabulary cannot spell is dropped instead of becoming <unk>. Perplexities agree only if we do the same.

import type { Json } from './json.js';

const mentionsByteLevel = (part: unknown) => JSON.stringify(part ?? null).includes('"ByteLevel"');

/**
 * Whether transformers would load this tokenizer as its LlamaTokenizer.
 * @param definition tokenizer.json
 * @param name of the class (tokenizer-class.ts)
 */
export function isLlamaTokenizer(definition: Json, name: string): boolean {
  return (
    name === 'LlamaTokenizer' &&
    (definition.model as Json | undefined)?.type === 'BPE' &&
    // Llama-3 kinds that name the old class by mistake.
    !mentionsByteLevel(definition.pre_tokenizer) &&
    !mentionsByteLevel(definition.decoder)
  );
}

/** `definition` with the pipeline of transformers' LlamaTokenizer in place of its own. */
export function asLlamaTokenizer(definition: Json, config: Json): Json {
  const prefixSpace = config.add_prefix_space !== false;
  const scheme = config.legacy === true ? 'always' : 'first';
  return {
    ...definition,
    normalizer: null,
    pre_tokenizer: {
      type: 'Metaspace',
      replacement: '▁',
      prepend_scheme: prefixSpace ? scheme : 'never',
      split: false,
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefixSpace ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      ...(definition.model as Json),
      unk_token: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
    },
  };
}
