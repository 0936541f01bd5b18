// vocab.json and merges.txt of a vocabulary small enough to stand in a test: what comes back is what went in.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataError } from '../errors.js';
import { loadTokenizer } from './tokenizer.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroal-byte-level-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** GPT-2's sign for each byte: itself where it is a visible Latin-1 character, else the next from U+0100. */
const signs = Array.from({ length: 256 }, (_, byte) => byte).map((byte, _, all) => {
  const visible = (b: number) => (b > 32 && b < 127) || (b > 160 && b < 256 && b !== 173);
  const invisible = all.filter((b) => !visible(b));
  return String.fromCodePoint(visible(byte) ? byte : 256 + invisible.indexOf(byte));
});
const merges = ['Ġ t', 'h e', 'Ġt he', 'Ġ Ġ', 'ĠĠ ĠĠ', 'Ċ Ċ', 'â Ĥ', 'âĤ ¬', "' s", '1 2'];
const vocab = Object.fromEntries([...signs, ...merges.map((m) => m.replace(' ', ''))].map((token, id) => [token, id]));

const files = (model_type: string, more: Record<string, unknown> = {}) => ({
  'config.json': { model_type },
  'vocab.json': vocab,
  'merges.txt': `#version: 0.2\n${merges.join('\n')}\n`,
  ...more,
});

async function load(contents: Record<string, unknown>) {
  for (const [name, content] of Object.entries(contents))
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  return loadTokenizer(folder);
}

/** Any text without lone surrogates, with more of what the rules for words look at. */
const parts = fc.constantFrom(
  ' ',
  '  ',
  ' the',
  '\n\n',
  "'s",
  "'S",
  '12',
  '€',
  '<|endoftext|>',
  '\u0085',
  '\ufeff',
  '\0',
);
const text = fc.array(fc.oneof(parts, fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 12 });

describe('byte-level merging', () => {
  it.each(['gpt2', 'opt', 'phi'])('decodes to any text that was encoded, of %s', async (type) => {
    const tokenizer = await load(files(type));
    fc.assert(
      fc.property(text, (pieces) => {
        const t = pieces.join('');
        expect(tokenizer.decode(tokenizer.encode(t, { addSpecialTokens: false }), { skipSpecialTokens: false })).toBe(
          t,
        );
      }),
      { numRuns: 500 },
    );
  });

  it.each(['gpt_neox', 'qwen2'])('decodes to the NFC form of any text that was encoded, of %s', async (type) => {
    const tokenizer = await load(files(type));
    fc.assert(
      fc.property(text, (pieces) => {
        const t = pieces.join('').normalize('NFC');
        expect(tokenizer.decode(tokenizer.encode(t, { addSpecialTokens: false }), { skipSpecialTokens: false })).toBe(
          t,
        );
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      'an id twice',
      { 'vocab.json': { a: 0, b: 1, c: 1 } },
      'expected an id of its own for each token, got 1 for "b" and "c"',
    ],
    ['half an id', { 'vocab.json': { a: 0.5 } }, 'expected a token id from 0 to 16777216, got 0.5 for "a"'],
    ['no number', { 'vocab.json': { a: null } }, 'got null for "a"'],
    ['a huge id', { 'vocab.json': { a: 2 ** 24 + 1 } }, 'got 16777217 for "a"'],
    ['a list', { 'vocab.json': ['a'] }, 'expected a JSON object {…}, got an array'],
    ['a merge of an unknown token', { 'merges.txt': 'h e\nx yz\n' }, 'got merge 1 (["x","yz"]) is not made of tokens'],
    ['a merge into an unknown token', { 'merges.txt': 'x y\n' }, 'got merge 0 (["x","y"]) is not made of tokens'],
    ['a merge of three', { 'merges.txt': 'h e y\n' }, 'expected two tokens in a line, got "h e y"'],
    ['huge merges', { 'merges.txt': 'h e\n'.repeat(2 ** 22 + 1) }, 'expected a file of at most 16777216 bytes'],
  ])('refuses %s', async (_, change, message) => {
    await expect(load(files('gpt2', change))).rejects.toThrow(DataError);
    await expect(load(files('gpt2', change))).rejects.toThrow(message);
  });

  it('takes tokens with names of the language below for tokens', async () => {
    const names = Object.fromEntries(['c', 'o', '__proto__', 'constructor'].map((token, id) => [token, id]));
    const own = JSON.stringify(names).replace('}', ',"__proto__":2}');
    const tokenizer = await load(files('gpt2', { 'vocab.json': own, 'merges.txt': '' }));
    expect(tokenizer.idOf('constructor')).toBe(3);
    expect(tokenizer.idOf('__proto__')).toBe(2);
    expect(tokenizer.idOf('toString')).toBeUndefined();
    expect(tokenizer.encode('co')).toEqual([0, 1]);
  });
});
