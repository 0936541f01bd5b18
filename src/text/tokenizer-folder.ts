// What a model folder says of its tokenizer, in whichever files: tokenizer.json; vocab.json and merges.txt; or a
// sentencepiece tokenizer.model. The result is always a definition in the words of tokenizer.json.

import type { Folder } from '../checkpoint/folder.js';
import { readJsonIn } from '../checkpoint/json-file.js';
import { DataError } from '../errors.js';
import { namedTokens, type TokenDefaults, type TokenFiles, withAddedTokens } from './added-tokens.js';
import type { Merging } from './bpe.js';
import { byteLevelDefinition, byteLevelTokens, optTokens } from './byte-level.js';
import { readFolderFile, readFolderText } from './folder-file.js';
import type { Json } from './json.js';
import { asLlamaTokenizer, isLlamaTokenizer } from './llama-tokenizer.js';
import { sentencePieceDefinition } from './sentencepiece.js';
import { tokenizerClass } from './tokenizer-class.js';

/** Several times the merges or pieces of the largest vocabularies. */
const mostBytes = 16 * 1024 * 1024;

/** A tokenizer as it is to be made. */
export interface FolderTokenizer {
  /** As in tokenizer.json. */
  definition: Json;
  /** tokenizer_config.json */
  config: Json;
  merging: Merging;
  /** Special tokens by their role: `bos_token`, … */
  named: Record<string, string>;
  /** The file that the vocabulary is from, for messages. */
  where: string;
}

/**
 * The tokenizer that transformers' AutoTokenizer would make of `folder`.
 * @throws DataError where there is none, or its files make no sense
 */
export async function readTokenizerFolder(folder: Folder): Promise<FolderTokenizer> {
  const read = async (name: string) => (await readJsonIn(folder, name, DataError))?.value;
  const config = (await read('tokenizer_config.json')) ?? {};
  const files: TokenFiles = {
    config,
    specialTokensMap: (await read('special_tokens_map.json')) ?? {},
    addedTokens: (await read('added_tokens.json')) ?? {},
  };
  const model = (await read('config.json')) ?? {};
  const name = tokenizerClass(config, model);
  const complete = (definition: Json, defaults: TokenDefaults, file: string, merging: Merging = {}) => {
    const where = folder.pathOf(file);
    const named = namedTokens(files, defaults.named);
    return { definition: withAddedTokens(definition, files, defaults, where), config, merging, named, where };
  };

  const own = await read('tokenizer.json');
  if (own) {
    const llama = isLlamaTokenizer(own, name);
    const assumed = llama ? llamaTokens : (byteLevelTokens(name) ?? {});
    const definition = llama ? asLlamaTokenizer(own, config) : own;
    // The file lists what it needs; a token that only a default of the class speaks of is not added to it.
    const { named, ...rest } = complete(definition, {}, 'tokenizer.json');
    return { ...rest, named: { ...assumed, ...named } };
  }

  const vocab = await read('vocab.json');
  if (vocab) {
    const merges = await readFolderText(folder, ['merges.txt'], mostBytes);
    if (merges === undefined)
      throw new DataError({ expected: `merges.txt beside vocab.json in ${folder.name}`, got: 'no such file' });
    const definition = byteLevelDefinition({ vocab, merges }, name, config.add_prefix_space === true, folder.name);
    // A folder of OPT that names no tokens: GPT-2's, which its class would assume, are not in its vocabulary.
    const isOpt = model.model_type === 'opt';
    const silent = isOpt && namedTokens(files).eos_token === undefined;
    const made = complete(definition, { named: silent ? optTokens : byteLevelTokens(name) }, 'vocab.json');
    return withEnds(made, isOpt);
  }

  const pieces = await readFolderFile(folder, ['tokenizer.model'], mostBytes);
  if (pieces) {
    const where = folder.pathOf('tokenizer.model');
    const { definition, merging, named, control } = sentencePieceDefinition(pieces, config.legacy !== false, where);
    const made = complete(definition, { named, extra: control }, 'tokenizer.model', merging);
    return withEnds(asRaw(made), true);
  }

  const kinds = 'tokenizer.json, vocab.json with merges.txt, or tokenizer.model';
  const expected = `${kinds} in ${folder.name}: save the model's tokenizer there, or give token windows`;
  throw new DataError({ expected, got: 'no such file' });
}

const llamaTokens = { unk_token: '<unk>', bos_token: '<s>', eos_token: '</s>' };

/** Added tokens are looked for in the text as it is, so that each text between them begins with a space of its own. */
function asRaw(made: FolderTokenizer): FolderTokenizer {
  const tokens = made.definition.added_tokens as Json[];
  return {
    ...made,
    definition: { ...made.definition, added_tokens: tokens.map((token) => ({ ...token, normalized: false })) },
  };
}

/** With a post-processor that puts BOS and EOS around a text, as `add_bos_token` and `add_eos_token` say. */
function withEnds(made: FolderTokenizer, bosByDefault: boolean): FolderTokenizer {
  const { config, named, definition } = made;
  const asked = (key: string, otherwise: boolean) => (typeof config[key] === 'boolean' ? config[key] : otherwise);
  const bos = asked('add_bos_token', bosByDefault) ? named.bos_token : undefined;
  const eos = asked('add_eos_token', false) ? named.eos_token : undefined;
  const ids = new Map((definition.added_tokens as { content: string; id: number }[]).map((t) => [t.content, t.id]));
  const token = (content: string | undefined) => (content ? [{ SpecialToken: { id: content, type_id: 0 } }] : []);
  const single = [...token(bos), { Sequence: { id: 'A', type_id: 0 } }, ...token(eos)];
  const used = [bos, eos].filter((content) => content !== undefined);
  const special_tokens = Object.fromEntries(
    used.map((content) => [content, { id: content, ids: [ids.get(content)], tokens: [content] }]),
  );
  const post_processor = { type: 'TemplateProcessing', single, pair: single, special_tokens };
  return { ...made, definition: { ...definition, post_processor } };
}
