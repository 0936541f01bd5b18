// Tokens beside the vocabulary, and which tokens are special. Five places may speak of them: added_tokens_decoder and
// the *_token keys of tokenizer_config.json, special_tokens_map.json, added_tokens.json, and tokenizer.json itself. Here
// they are put together in the order and with the precedence of transformers 5.

import { DataError } from '../errors.js';
import { quoted } from '../quoted.js';
import { isJson, type Json, listOf } from './json.js';

/** Special tokens by their role: `bos_token`, `eos_token`, … */
export type NamedTokens = Record<string, string>;

/** A token as tokenizer.json lists it in `added_tokens`. */
export interface AddedToken {
  id: number;
  content: string;
  special: boolean;
  normalized: boolean;
  lstrip: boolean;
  rstrip: boolean;
  single_word: boolean;
}

type Unnumbered = Omit<AddedToken, 'id'>;

/** The files of a folder that speak of tokens; {} where there is none. */
export interface TokenFiles {
  /** tokenizer_config.json */
  config: Json;
  /** special_tokens_map.json */
  specialTokensMap: Json;
  /** added_tokens.json: content → id */
  addedTokens: Json;
}

/** What a class or a sentencepiece model says where the files are silent. */
export interface TokenDefaults {
  named?: NamedTokens;
  /** Further special tokens. */
  extra?: readonly string[];
}

/** Roles in the order in which new tokens get their ids; others follow. */
const usualRoles = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map((role) => `${role}_token`);
const rank = (role: string) => (usualRoles.includes(role) ? usualRoles.indexOf(role) : usualRoles.length);

const lists = ['extra_special_tokens', 'additional_special_tokens'];

/** Above any id of a real tokenizer. */
const largestId = 2 ** 24;

/** The special tokens that have a role, such as `bos_token`, and their texts. */
export function namedTokens(files: TokenFiles, defaults: NamedTokens = {}): NamedTokens {
  const named = new Map<string, string>();
  for (const [role, value] of describedTokens(files, defaults)) named.set(role, value.content);
  return Object.fromEntries(named);
}

/**
 * `definition` (tokenizer.json) with all tokens that its folder adds. Ids of tokens that are there stay; new tokens get
 * the next ones.
 * @throws DataError where a file gives no usable token or id
 */
export function withAddedTokens(definition: Json, files: TokenFiles, defaults: TokenDefaults, where: string): Json {
  const own = listOf(definition.added_tokens).map((token) => numbered(token, where));
  const vocab = vocabularyOf(definition);
  const byContent = new Map(own.map((token) => [token.content, token]));
  const named = describedTokens(files, defaults.named ?? {});
  const roles = new Set([...named.values()].map((token) => token.content));
  const extra = extraTokens(files, defaults.extra ?? []);
  // New ids are counted as the Rust library counts: from the number of tokens, or above the highest added one.
  let next = own.reduce((least, token) => Math.max(least, token.id + 1), vocab.size);
  const add = (token: Unnumbered) => {
    if (token.content === '') return;
    const special = token.special || roles.has(token.content);
    const id = byContent.get(token.content)?.id ?? vocab.get(token.content) ?? next;
    next = Math.max(next, id + 1);
    byContent.set(token.content, { ...token, special, id });
  };
  for (const token of decoderTokens(files, roles, extra, where)) add(token);
  for (const token of [...named.values(), ...extra]) if (!byContent.has(token.content)) add(token);
  return { ...definition, added_tokens: [...byContent.values()] };
}

/** Role → token; later files overrule earlier ones, and null takes a default away. */
function describedTokens({ config, specialTokensMap }: TokenFiles, defaults: NamedTokens): Map<string, Unnumbered> {
  const named = new Map<string, Unnumbered>();
  const take = (source: Json) => {
    for (const [role, value] of Object.entries(source)) {
      if (!role.endsWith('_token')) continue;
      if (value === null) named.delete(role);
      const token = describe(value);
      if (token) named.set(role, token);
    }
  };
  take(defaults);
  take(config);
  if (isJson(config.extra_special_tokens)) take(config.extra_special_tokens);
  // Where tokenizer_config.json describes all tokens, the older file is not looked at.
  if (!isJson(config.added_tokens_decoder)) take(specialTokensMap);
  return new Map([...named].sort(([a], [b]) => rank(a) - rank(b)));
}

function extraTokens({ config, specialTokensMap }: TokenFiles, defaults: readonly string[]): Unnumbered[] {
  const sources = isJson(config.added_tokens_decoder) ? [config] : [specialTokensMap, config];
  const key = lists.find((name) => sources.some((source) => listOf(source[name]).length > 0));
  const stated = key === undefined ? [] : sources.map((source) => listOf(source[key])).find((list) => list.length > 0);
  return [...defaults, ...(stated ?? [])].map((value) => describe(value)).filter((token) => token !== undefined);
}

/** What `added_tokens_decoder` or, before it was invented, added_tokens.json lists, by id. */
function decoderTokens(
  { config, addedTokens }: TokenFiles,
  roles: ReadonlySet<string>,
  extra: readonly Unnumbered[],
  where: string,
): Unnumbered[] {
  if (isJson(config.added_tokens_decoder)) {
    const entries = Object.entries(config.added_tokens_decoder).sort(([a], [b]) => Number(a) - Number(b));
    return entries.map(([id, value]) => {
      const token = isJson(value) ? describe(value, false) : undefined;
      if (token) return token;
      throw new DataError({
        expected: 'a token as {"content": …}',
        got: quoted(value),
        where: `${where}, token ${id}`,
      });
    });
  }
  const entries = Object.entries(addedTokens).sort(([, a], [, b]) => Number(a) - Number(b));
  const extraTexts = new Set(extra.map((token) => token.content));
  return entries.map(([content, id]) => {
    checkId(id, content, where);
    const special = roles.has(content) || extraTexts.has(content);
    return { content, special, normalized: !special, lstrip: false, rstrip: false, single_word: false };
  });
}

/** A token as the files write it: its text, or an object with `content`. */
function describe(value: unknown, special = true): Unnumbered | undefined {
  const from = typeof value === 'string' ? { content: value } : value;
  if (!isJson(from) || typeof from.content !== 'string') return undefined;
  const flag = (name: string, otherwise: boolean) => (typeof from[name] === 'boolean' ? from[name] : otherwise);
  const isSpecial = flag('special', special);
  return {
    content: from.content,
    special: isSpecial,
    normalized: flag('normalized', !isSpecial),
    lstrip: flag('lstrip', false),
    rstrip: flag('rstrip', false),
    single_word: flag('single_word', false),
  };
}

function numbered(value: unknown, where: string): AddedToken {
  const token = describe(value, false);
  if (!token) throw new DataError({ expected: 'an added token with its content', got: quoted(value), where });
  return { ...token, id: checkId((value as Json).id, token.content, where) };
}

/** Content → id of the model. */
function vocabularyOf(definition: Json): Map<string, number> {
  const vocab = isJson(definition.model) ? definition.model.vocab : undefined;
  if (Array.isArray(vocab)) return new Map(vocab.map((entry, id) => [String(listOf(entry)[0]), id]));
  return new Map(isJson(vocab) ? (Object.entries(vocab) as [string, number][]) : []);
}

/** @throws DataError for what is no id */
export function checkId(id: unknown, content: string, where: string): number {
  if (Number.isInteger(id) && (id as number) >= 0 && (id as number) <= largestId) return id as number;
  throw new DataError({
    expected: `a token id from 0 to ${largestId}`,
    got: `${quoted(id)} for ${quoted(content)}`,
    where,
  });
}
