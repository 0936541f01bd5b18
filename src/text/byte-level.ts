// Byte-level BPE without a tokenizer.json, as GPT-2, OPT and Phi came: vocab.json and merges.txt. The pipeline around them
// is that of the class that transformers would load the folder with.

import { DataError } from '../errors.js';
import { quoted } from '../quoted.js';
import { checkId, type NamedTokens } from './added-tokens.js';
import type { Json } from './json.js';

interface Kind {
  normalizer: Json | null;
  /** Splits text before its bytes are looked at; without one, ByteLevel's own rule does. */
  split?: string;
  named: NamedTokens;
}

const end = '<|endoftext|>';
const gpt2: Kind = { normalizer: null, named: { unk_token: end, bos_token: end, eos_token: end } };

const kinds = new Map<string, Kind>([
  ['GPT2Tokenizer', gpt2],
  ['CodeGenTokenizer', gpt2],
  ['GPTNeoXTokenizer', { normalizer: { type: 'NFC' }, named: { ...gpt2.named, pad_token: '<|padding|>' } }],
  [
    'Qwen2Tokenizer',
    {
      normalizer: { type: 'NFC' },
      split:
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      named: { unk_token: end, eos_token: end, pad_token: end },
    },
  ],
]);

/** What OPT's own folders say of their tokens, for one that does not. */
export const optTokens: NamedTokens = {
  unk_token: '</s>',
  bos_token: '</s>',
  eos_token: '</s>',
  pad_token: '<pad>',
};

/** The special tokens that a class assumes; undefined for a class that is not byte-level. */
export const byteLevelTokens = (name: string): NamedTokens | undefined => kinds.get(name)?.named;

/**
 * The content that a tokenizer.json of these files would have.
 * @param vocab vocab.json: token → id
 * @param merges merges.txt
 * @param name of the class (tokenizer-class.ts)
 * @param addPrefixSpace `add_prefix_space` of tokenizer_config.json
 * @throws DataError for files that are no vocabulary or no merges, or a class that is not byte-level
 */
export function byteLevelDefinition(
  { vocab, merges }: { vocab: Json; merges: string },
  name: string,
  addPrefixSpace: boolean,
  folder: string,
): Json {
  const kind = kinds.get(name);
  if (!kind)
    throw new DataError({
      expected: `tokenizer.json, or vocab.json of a byte-level class (${[...kinds.keys()].join(', ')})`,
      got:
        name === 'file'
          ? 'vocab.json, and no such tokenizer_class in tokenizer_config.json'
          : `vocab.json of the class ${quoted(name)}`,
      where: folder,
    });
  checkIds(vocab, `${folder}, vocab.json`);
  const bytes = { type: 'ByteLevel', add_prefix_space: addPrefixSpace, trim_offsets: true };
  const split = { type: 'Split', pattern: { Regex: kind.split }, behavior: 'Isolated', invert: false };
  return {
    added_tokens: [],
    normalizer: kind.normalizer,
    pre_tokenizer: kind.split
      ? { type: 'Sequence', pretokenizers: [split, { ...bytes, use_regex: false }] }
      : { ...bytes, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab, merges: readMerges(merges, `${folder}, merges.txt`), unk_token: null },
  };
}

/** Each token has an id of its own. */
function checkIds(vocab: Json, where: string): void {
  const owners = new Map<number, string>();
  for (const [token, value] of Object.entries(vocab)) {
    const id = checkId(value, token, where);
    const owner = owners.get(id);
    if (owner !== undefined) {
      const got = `${id} for ${quoted(owner)} and ${quoted(token)}`;
      throw new DataError({ expected: 'an id of its own for each token', got, where });
    }
    owners.set(id, token);
  }
}

/** One merge a line, two tokens with a space between; the first line may say `#version`. */
function readMerges(text: string, where: string): [string, string][] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const merges: [string, string][] = [];
  for (const [i, line] of lines.entries()) {
    if (line.startsWith('#version')) continue;
    const parts = line.split(' ');
    if (parts.length !== 2)
      throw new DataError({ expected: 'two tokens in a line', got: quoted(line), where: `${where}, line ${i + 1}` });
    merges.push(parts as [string, string]);
  }
  return merges;
}
