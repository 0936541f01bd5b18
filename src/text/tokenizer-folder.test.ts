// Folders without tokenizer.json, and what stands beside one: ids as sentencepiece and transformers give them. Expected
// values here were printed by
//   python3 -c "from transformers import AutoTokenizer as A; print(A.from_pretrained(FOLDER)(TEXT).input_ids)"
// with transformers 5.24, for a folder of just the files that the test writes.

import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noShared, shared } from '../../test/setup.js';
import { DataError } from '../errors.js';
import { loadTokenizer } from './tokenizer.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroal-tokenizer-'));
});
afterEach(() => rm(folder, { recursive: true }));

const put = (name: string, content: unknown) =>
  writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
const take = (from: string, name: string) => copyFile(join(shared, 'data/tokenizers', from), join(folder, name));

const token = (content: string, special = true, normalized = false) => ({
  content,
  lstrip: false,
  normalized,
  rstrip: false,
  single_word: false,
  special,
});
/** As OPT's folders on the hub have it. */
const opt = {
  ...Object.fromEntries(['bos', 'eos', 'unk'].map((role) => [`${role}_token`, token('</s>', true, true)])),
  pad_token: token('<pad>', true, true),
  add_bos_token: true,
  tokenizer_class: 'GPT2Tokenizer',
};
const mistral = {
  add_bos_token: true,
  add_eos_token: false,
  added_tokens_decoder: { 0: token('<unk>'), 1: token('<s>'), 2: token('</s>') },
  bos_token: '<s>',
  eos_token: '</s>',
  unk_token: '<unk>',
  legacy: true,
  tokenizer_class: 'LlamaTokenizer',
};

/** Files of `data/tokenizers`, and what is written beside them. */
const kinds: Record<string, { files: [string, string][]; config?: object; json: Record<string, unknown> }> = {
  gpt2: {
    files: [
      ['gpt2/vocab.json', 'vocab.json'],
      ['gpt2/merges.txt', 'merges.txt'],
    ],
    json: { 'config.json': { model_type: 'gpt2' } },
  },
  opt: {
    files: [
      ['opt/vocab.json', 'vocab.json'],
      ['opt/merges.txt', 'merges.txt'],
    ],
    json: { 'config.json': { model_type: 'opt' } },
  },
  phi: {
    files: [
      ['phi-2/vocab.codegen.json', 'vocab.json'],
      ['gpt2/merges.txt', 'merges.txt'],
      ['phi-2/added_tokens.codegen.json', 'added_tokens.json'],
      ['phi-2/tokenizer_config.json', 'tokenizer_config.json'],
    ],
    json: { 'config.json': { model_type: 'phi' } },
  },
  llama: { files: [['llama2/tokenizer.model', 'tokenizer.model']], json: { 'config.json': { model_type: 'llama' } } },
  mistral: {
    files: [['mistral-v1/tokenizer.model', 'tokenizer.model']],
    json: { 'config.json': { model_type: 'mistral' } },
  },
};

async function load(kind: string, json: Record<string, unknown> = {}) {
  for (const [from, name] of kinds[kind].files) await take(from, name);
  for (const [name, content] of Object.entries({ ...kinds[kind].json, ...json })) await put(name, content);
  return loadTokenizer(folder);
}

describe.skipIf(noShared)('a folder without tokenizer.json', () => {
  it.each([
    ['gpt2', 'gpt2', {}],
    ['opt', 'opt', {}],
    ['opt', 'opt', { 'tokenizer_config.json': opt }],
    ['phi', 'phi-2', {}],
    ['llama', 'llama2-sentencepiece', {}],
    ['mistral', 'mistral-v1-sentencepiece', {}],
    ['mistral', 'mistral-v1-sentencepiece', { 'tokenizer_config.json': mistral }],
  ])('gives the ids and texts of its own library: %s', async (kind, name, json) => {
    const tokenizer = await load(kind, json);
    const rows = JSON.parse(await readFile(join(shared, `reference/tokens/${name}.json`), 'utf8'));
    for (const { text, ids, plain, decoded } of rows) {
      expect([text, tokenizer.encode(text)]).toEqual([text, ids]);
      expect(tokenizer.encode(text, { addSpecialTokens: false })).toEqual(plain);
      expect([text, tokenizer.decode(plain, { skipSpecialTokens: false })]).toEqual([text, decoded]);
    }
  });

  const texts = ['a <s>b</s>  c', 'x<|endoftext|> y<pad>', '!\u0085\ufeff  z'];
  const bos = { add_bos_token: true };
  const prefix = { add_prefix_space: true, pad_token: '<pad>' };
  it.each<[string, Record<string, unknown>, number[][]]>([
    [
      'gpt2',
      {},
      [
        [64, 1279, 82, 29, 65, 3556, 82, 29, 220, 269],
        [87, 50256, 331, 27, 15636, 29],
        [0, 126, 227, 171, 119, 123, 220, 1976],
      ],
    ],
    [
      'gpt2',
      { 'tokenizer_config.json': bos },
      [
        [50256, 64, 1279, 82, 29, 65, 3556, 82, 29, 220, 269],
        [50256, 87, 50256, 331, 27, 15636, 29],
        [50256, 0, 126, 227, 171, 119, 123, 220, 1976],
      ],
    ],
    [
      'gpt2',
      { 'tokenizer_config.json': prefix },
      [
        [257, 1279, 82, 29, 65, 3556, 82, 29, 220, 269],
        [2124, 50256, 331, 50257],
        [5145, 126, 227, 171, 119, 123, 220, 1976],
      ],
    ],
    [
      'opt',
      { 'tokenizer_config.json': opt },
      [
        [2, 102, 28696, 29, 15698, 428, 2, 1437, 740],
        [2, 1178, 41552, 15483, 1397, 1116, 29015, 15483, 15698, 1423, 1],
        [2, 328, 4056, 5782, 43251, 2023, 9470, 1437, 992],
      ],
    ],
    [
      'phi',
      {},
      [
        [64, 1279, 82, 29, 65, 3556, 82, 29, 50286, 66],
        [87, 50256, 331, 27, 15636, 29],
        [0, 126, 227, 171, 119, 123, 50286, 89],
      ],
    ],
    [
      'mistral',
      { 'tokenizer_config.json': mistral },
      [
        [1, 264, 28705, 1, 287, 2, 259, 277],
        [1, 1318, 28789, 28766, 416, 1009, 772, 28766, 28767, 337, 28789, 9845, 28767],
        [1, 918, 31363, 31759, 28705, 686],
      ],
    ],
    [
      'mistral',
      { 'tokenizer_config.json': { ...mistral, legacy: false } },
      [
        [1, 264, 28705, 1, 28726, 2, 28705, 277],
        [1, 1318, 28789, 28766, 416, 1009, 772, 28766, 28767, 337, 28789, 9845, 28767],
        [1, 918, 31363, 31759, 28705, 686],
      ],
    ],
  ])('gives the ids of transformers, special tokens in the text included: %s %j', async (kind, json, expected) => {
    const tokenizer = await load(kind, json);
    expect(texts.map((text) => tokenizer.encode(text))).toEqual(expected);
  });

  it('ends texts as tokenizer_config.json says', async () => {
    const tokenizer = await load('llama', { 'tokenizer_config.json': { add_bos_token: false, add_eos_token: true } });
    expect(tokenizer.encode('Hello world')).toEqual([15043, 3186, 2]);
    expect(tokenizer.specialTokens).toEqual({ unk_token: '<unk>', bos_token: '<s>', eos_token: '</s>' });
  });

  it.each(['gpt2', 'opt', 'phi'])('decodes what it encodes, whatever it is: %s', async (kind) => {
    const tokenizer = await load(kind);
    const words = fc.constantFrom(
      ' ',
      '  ',
      '\n',
      '\t\t',
      "'s",
      'the',
      '12',
      '€',
      '👋🏽',
      '<|endoftext|>',
      '\u0085',
      '\ufeff',
      '\0',
    );
    const text = fc.string({ unit: fc.oneof(words, fc.string({ unit: 'binary' })) });
    fc.assert(
      fc.property(text, (t) => {
        fc.pre(!/\p{Surrogate}/u.test(t));
        const ids = tokenizer.encode(t, { addSpecialTokens: false });
        expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(t);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['llama', 'mistral'])('decodes all but the sign for spaces, which comes back as one: %s', async (kind) => {
    const tokenizer = await load(kind);
    const words = fc.constantFrom(' ', '   ', '\n', '\t', 'the', '12', '€', '👋🏽', '▁', '\0');
    const text = fc.string({ unit: fc.oneof(words, fc.string({ unit: 'binary' })) });
    fc.assert(
      fc.property(text, (t) => {
        fc.pre(!/\p{Surrogate}/u.test(t));
        const ids = tokenizer.encode(t, { addSpecialTokens: false });
        expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(t.replaceAll('▁', ' '));
      }),
      { numRuns: 300 },
    );
  });
});

describe.skipIf(noShared)('a tokenizer.json', () => {
  const texts = ['a <s>b</s>  c', '!\u0085\ufeff  z'];

  it('is overruled about its special tokens by added_tokens_decoder', async () => {
    await take('llama2/tokenizer.json', 'tokenizer.json');
    await put('config.json', { model_type: 'mistral' });
    await put('tokenizer_config.json', mistral);
    const tokenizer = await loadTokenizer(folder);
    expect(texts.map((text) => tokenizer.encode(text))).toEqual([
      [1, 263, 29871, 1, 289, 2, 259, 274],
      [1, 1738, 197, 136, 30143, 29871, 503],
    ]);
  });

  it('decides about BOS itself, whatever tokenizer_config.json says', async () => {
    await take('llama2/tokenizer.json', 'tokenizer.json');
    await put('config.json', { model_type: 'llama' });
    await put('tokenizer_config.json', { ...mistral, legacy: false, add_bos_token: false, add_eos_token: true });
    const tokenizer = await loadTokenizer(folder);
    expect(texts.map((text) => tokenizer.encode(text))).toEqual([
      [1, 263, 29871, 1, 29890, 2, 29871, 274],
      [1, 1738, 197, 136, 30143, 29871, 503],
    ]);
  });
});

describe('vocab.json and merges.txt', () => {
  const vocab = { a: 0, b: 1, ab: 2, Ġ: 3, Ċ: 4 };
  const text = 'ab <x>ab<y> b\n<|endoftext|><z>';
  beforeEach(async () => {
    await put('vocab.json', vocab);
    await put('merges.txt', '#version: 0.2\na b\n');
    await put('config.json', { model_type: 'gpt2' });
  });

  const strips = { ...token('<x>', false), lstrip: true, rstrip: true };
  it.each<[Record<string, unknown>, number[], string]>([
    [{}, [2, 3, 2, 3, 1, 4, 5], 'ab ab b\n'],
    [
      { 'tokenizer_config.json': { add_bos_token: true, add_eos_token: true, bos_token: '<x>', eos_token: '<y>' } },
      [5, 2, 3, 5, 2, 6, 3, 1, 4, 7, 6],
      'ab ab b\n',
    ],
    [
      {
        'added_tokens.json': { '<y>': 9, '<z>': 7 },
        'special_tokens_map.json': { eos_token: '<z>', additional_special_tokens: ['<x>'] },
      },
      [2, 3, 8, 2, 6, 3, 1, 4, 7, 5],
      'ab ab<y> b\n',
    ],
    [
      {
        'tokenizer_config.json': { added_tokens_decoder: { 6: { content: '<y>', special: true }, 5: strips } },
        'special_tokens_map.json': { eos_token: '<z>' },
      },
      [2, 5, 2, 6, 3, 1, 4, 7],
      'ab<x>ab b\n',
    ],
    [
      {
        'config.json': { model_type: 'qwen2' },
        'tokenizer_config.json': { extra_special_tokens: { image_token: '<x>' } },
      },
      [2, 3, 6, 2, 3, 1, 4, 5],
      'ab ab b\n',
    ],
  ])('have the tokens that other files add: %j', async (files, ids, decoded) => {
    for (const [name, content] of Object.entries(files)) await put(name, content);
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.encode(text)).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(decoded);
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      'a class that is none',
      { 'config.json': {} },
      'got vocab.json, and no such tokenizer_class in tokenizer_config.json, in ',
    ],
    [
      'another class',
      { 'config.json': { tokenizer_class: 'CTRLTokenizer' } },
      'got vocab.json of the class "CTRLTokenizer"',
    ],
    ['no ids', { 'vocab.json': { a: 'b' } }, 'expected a token id from 0 to 16777216, got "b" for "a", in '],
    ['ids beyond all', { 'vocab.json': { a: 2 ** 40 } }, 'got 1099511627776 for "a"'],
    ['no merges', { 'merges.txt': 'a b\na\n' }, 'expected two tokens in a line, got "a", in '],
    [
      'merges of other tokens',
      { 'merges.txt': 'a z' },
      'got merge 0 (["a","z"]) is not made of tokens of the vocabulary',
    ],
    [
      'no token',
      { 'tokenizer_config.json': { added_tokens_decoder: { 3: 'x' } } },
      'expected a token as {"content": …}, got "x"',
    ],
    ['no id of one', { 'added_tokens.json': { '<x>': -1 } }, 'got -1 for "<x>"'],
  ])('are refused: %s', async (_, files, message) => {
    for (const [name, content] of Object.entries(files)) await put(name, content);
    await expect(loadTokenizer(folder)).rejects.toThrow(DataError);
    await expect(loadTokenizer(folder)).rejects.toThrow(message);
  });

  it('belong together', async () => {
    await rm(join(folder, 'merges.txt'));
    await expect(loadTokenizer(folder)).rejects.toThrow(
      `expected merges.txt beside vocab.json in ${folder}, got no such file`,
    );
  });
});
