// Text to token ids and back, as the files of a model folder say (tokenizer-folder.ts). The pipeline (normalizer,
// pre-tokenizer, model, post-processor, decoder) is the tokenizers library's, mended (pipeline.ts).

import { folderAt } from '../checkpoint/disk-folder.js';
import type { Folder } from '../checkpoint/folder.js';
import { readJsonObject } from '../checkpoint/json-file.js';
import { DataError } from '../errors.js';
import { nodePath } from '../node.js';
import { quoted } from '../quoted.js';
import type { Merging } from './bpe.js';
import type { TokenizerParts } from './encode-pool.js';
import type { Json } from './json.js';
import { encodeInParts, type LongTextOptions, NO_ID } from './long-text.js';
import { makePipeline, type Pipeline } from './pipeline.js';
import { readTokenizerFolder } from './tokenizer-folder.js';

/** Encodes and decodes; made by `loadTokenizer` or `readTokenizer`. */
export class Tokenizer {
  /** One more than the largest id, added tokens included. */
  readonly vocabSize: number;
  /** Special tokens by their role: `bos_token`, `eos_token`, … of which the folder has those that it names. */
  readonly specialTokens: Readonly<Record<string, string>>;
  private readonly pipeline: Pipeline;
  private readonly special: ReadonlySet<number>;
  private readonly parts: TokenizerParts;

  /**
   * @param definition the content of tokenizer.json
   * @param config the content of tokenizer_config.json
   * @param where the file, for messages
   * @param details what else is known of the folder
   * @throws DataError where the content is no tokenizer
   */
  constructor(
    definition: Json,
    config: Json = {},
    private readonly where = 'tokenizer.json',
    { merging, named = {} }: { merging?: Merging; named?: Readonly<Record<string, string>> } = {},
  ) {
    this.specialTokens = named;
    this.parts = { definition, config, merging };
    try {
      this.pipeline = makePipeline(definition, config, merging);
    } catch (error) {
      const got = (error as Error).message;
      throw new DataError({ expected: 'a tokenizer that the tokenizers library accepts', got, where, cause: error });
    }
    this.vocabSize = this.pipeline.model.vocab.length;
    const added = this.pipeline.get_added_tokens_decoder();
    this.special = new Set([...added].filter(([, token]) => token.special).map(([id]) => id));
  }

  /**
   * The ids of `text`. With `addSpecialTokens`, the ones that the post-processor puts around it come too (BOS, for
   * most families): what tokenizer.json says, whatever tokenizer_config.json claims.
   */
  encode(text: string, { addSpecialTokens = true }: { addSpecialTokens?: boolean } = {}): number[] {
    const { ids, tokens } = this.pipeline.encode(text, { add_special_tokens: addSpecialTokens });
    const missing = ids.findIndex((id) => !Number.isInteger(id));
    if (missing >= 0) {
      const expected = 'a tokenizer that has an id for each of its tokens';
      throw new DataError({ expected, got: `none for ${quoted(tokens[missing])}`, where: this.where });
    }
    return ids as number[];
  }

  /**
   * The ids that `encode` gives, for texts that take a while: between parts of the text the signal is heard and progress
   * told (in characters), and a text of some megabytes is spread over `threads` threads. Where it is not shown that parts
   * give the ids of the whole (cuts.ts), the whole text is tokenized at once.
   */
  async encodeLong(
    text: string,
    { addSpecialTokens = true, ...options }: LongTextOptions & { addSpecialTokens?: boolean } = {},
  ): Promise<Int32Array> {
    const around = this.around(addSpecialTokens);
    const ids = around && (await encodeInParts(this.pipeline, this.parts, text, options));
    // A token without an id: `encode` finds the words for it.
    if (!ids || ids.includes(NO_ID)) return Int32Array.from(this.encode(text, { addSpecialTokens }));
    const { before, after } = around;
    const all = new Int32Array(before.length + ids.length + after.length);
    all.set(before);
    all.set(ids, before.length);
    all.set(after, before.length + ids.length);
    return all;
  }

  /** What the post-processor puts around a text; undefined where it does more than that. */
  private around(addSpecialTokens: boolean): { before: number[]; after: number[] } | undefined {
    const { post_processor } = this.pipeline;
    if (!post_processor) return { before: [], after: [] };
    const marks = ['\u0000first', '\u0000last'];
    const { tokens } = post_processor([...marks], null, addSpecialTokens);
    const at = tokens.indexOf(marks[0]);
    if (at < 0 || tokens[at + 1] !== marks[1] || tokens.lastIndexOf(marks[0]) !== at) return undefined;
    const [before, after] = [tokens.slice(0, at), tokens.slice(at + 2)].map((list) => list.map((t) => this.idOf(t)));
    const known = [...before, ...after].every((id) => id !== undefined);
    return known ? { before: before as number[], after: after as number[] } : undefined;
  }

  /** The text of `ids`; ids that the tokenizer does not have (a padded vocabulary) stand for no text. */
  decode(ids: ArrayLike<number>, { skipSpecialTokens = true }: { skipSpecialTokens?: boolean } = {}): string {
    const { vocab } = this.pipeline.model;
    const known = Array.from(ids).filter((id) => vocab[id] !== undefined && !(skipSpecialTokens && this.isSpecial(id)));
    if (known.length === 0) return '';
    // transformers 5 does not "clean up" spaces either, even where tokenizer_config.json still asks for it.
    return this.pipeline.decode(known, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }

  /** The id of exactly this token, such as `</s>`; undefined if there is none. */
  idOf(token: string): number | undefined {
    return this.pipeline.token_to_id(token);
  }

  /** Whether `id` is a special token, which `decode` leaves out unless told otherwise. */
  isSpecial(id: number): boolean {
    return this.special.has(id);
  }
}

/**
 * The tokenizer of a model folder, giving the ids that transformers' AutoTokenizer (5.24) gives for it, but for three
 * things: a tokenizer.model gives the ids of sentencepiece, also where transformers' LlamaTokenizer would not; a
 * byte-level tokenizer.json is taken at its word, where transformers' GPT2Tokenizer would drop what splits digits; and
 * OPT and a tokenizer.model begin a text with BOS unless `add_bos_token` is false, also where no file speaks of it.
 * @throws DataError where the folder has no tokenizer, or its files are none
 */
export async function loadTokenizer(folder: string | Folder): Promise<Tokenizer> {
  const { definition, config, where, merging, named } = await readTokenizerFolder(folderAt(folder));
  return new Tokenizer(definition, config, where, { merging, named });
}

/** A tokenizer.json by itself, exactly as it is written (Python: `tokenizers.Tokenizer.from_file`). */
export async function readTokenizer(path: string): Promise<Tokenizer> {
  return new Tokenizer(await readDefinition(path), {}, path);
}

async function readDefinition(path: string): Promise<Json> {
  const file = await readJsonObject(path, DataError);
  if (file) return file.value;
  const { basename, dirname } = nodePath();
  const expected = `${basename(path)} in ${dirname(path)}: save the model's tokenizer there, or give token windows`;
  throw new DataError({ expected, got: 'no such file' });
}
