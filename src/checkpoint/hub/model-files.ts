// Which files of a repository make a model folder: config, tokenizer, generation settings, the terms it comes under, and
// one form of its weights. Everything else (other formats, pictures, checkpoints of training) stays where it is.

import { CheckpointError } from '../../errors.js';
import { quoted } from '../../quoted.js';
import { readJsonObject } from '../json-file.js';
import type { RepositoryCache } from './cache.js';

const small = new Set([
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
  'chat_template.jinja',
  'chat_template.json',
  'README.md',
]);

interface Form {
  single: string;
  index: string;
  /** Names of its shards. */
  shard: RegExp;
}

/** The forms of weights, the preferred one first. */
const forms: readonly Form[] = [
  {
    single: 'model.safetensors',
    index: 'model.safetensors.index.json',
    shard: /^[\w.-]+\.safetensors$/,
  },
  { single: 'pytorch_model.bin', index: 'pytorch_model.bin.index.json', shard: /^[\w.-]+\.bin$/ },
];

/** Most bytes of a file that holds no weights. */
export const maxSmallBytes = 64 * 1024 * 1024;

export interface ModelFiles {
  /** Everything but weights; the index is the last, where there is one. */
  small: string[];
  /** The one file of weights; undefined where an index names several. */
  weights: string | undefined;
  index: string | undefined;
}

/**
 * Chooses among the names of a repository's files.
 * @throws CheckpointError where they make no model.
 */
export function modelFiles(names: readonly string[], where: string): ModelFiles {
  const present = new Set(names);
  const chosen = names.filter(
    (name) =>
      small.has(name) ||
      /^LICENSE[\w.-]{0,40}$/i.test(name) ||
      /^additional_chat_templates\/[\w-][\w.-]{0,100}\.jinja$/.test(name),
  );
  if (!present.has('config.json'))
    throw new CheckpointError({ expected: 'a model, with config.json', got: 'a repository without it', where });
  for (const { single, index } of forms) {
    if (present.has(single)) return { small: chosen, weights: single, index: undefined };
    if (present.has(index)) return { small: [...chosen, index], weights: undefined, index };
  }
  const other = names.find((name) => /\.(gguf|bin|pth?|h5|msgpack|onnx|safetensors|npz|ckpt)$/.test(name));
  throw new CheckpointError({
    expected: `weights as ${forms[0].single}, or shards with ${forms[0].index}`,
    got: other === undefined ? 'none of these' : `none of these, but ${quoted(other)}`,
    where,
  });
}

/** The shards that an index in the cache names, each once, in order. */
export async function shardsOf(cache: RepositoryCache, commit: string, index: string): Promise<string[]> {
  const path = cache.file(commit, index);
  const form = forms.find((known) => known.index === index) as Form;
  const file = await readJsonObject(path, CheckpointError);
  const map = file && Object.hasOwn(file.value, 'weight_map') ? file.value.weight_map : undefined;
  const refuse = (expected: string, got: string) => new CheckpointError({ expected, got, where: path });
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw refuse('an object weight_map: tensor name → file name', quoted(map));
  const shards = new Set<string>();
  for (const [tensor, name] of Object.entries(map)) {
    if (typeof name !== 'string' || name.length > 200 || !form.shard.test(name))
      throw refuse(`a plain file name for ${quoted(tensor)}`, quoted(name));
    shards.add(name);
  }
  if (shards.size === 0 || shards.size > 10_000) throw refuse('1 to 10000 shards', `${shards.size}`);
  return [...shards].sort();
}

/** Of the files without which a model cannot be opened, those that a snapshot in the cache lacks. */
export async function missingFiles(cache: RepositoryCache, commit: string): Promise<string[]> {
  if (!(await cache.has(commit, 'config.json'))) return ['config.json'];
  for (const { single, index } of forms) {
    if (await cache.has(commit, single)) return [];
    if (!(await cache.has(commit, index))) continue;
    const missing: string[] = [];
    for (const shard of await shardsOf(cache, commit, index))
      if (!(await cache.has(commit, shard))) missing.push(shard);
    return missing;
  }
  return [forms[0].single];
}
