// Sentencepiece models: against sentencepiece itself (golden/make_sentencepiece.py), and files that are none.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../errors.js';
import { sentencePieceDefinition } from './sentencepiece.js';
import { readSentencePiece } from './sentencepiece-file.js';
import { Tokenizer } from './tokenizer.js';

interface Case {
  name: string;
  model: string;
  rows: [text: string, ids: number[], decoded: string][];
}
const golden = readFileSync(new URL('golden/sentencepiece.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n');
const cases: Case[] = golden.map((line) => JSON.parse(line));
const bytesOf = (name: string) => Buffer.from(cases.find((c) => c.name === name)!.model, 'base64');

function load(bytes: Uint8Array, legacy = true): Tokenizer {
  const { definition, merging, named } = sentencePieceDefinition(bytes, legacy, 'a.model');
  return new Tokenizer(definition, {}, 'a.model', { merging, named });
}

/** A message of the wire format: fields of bytes (texts), floats, or numbers. */
function message(...fields: [number, string | Buffer | number | { float: number }][]): Buffer {
  const varint = (value: number) => {
    const bytes = [];
    for (let rest = value; ; rest = Math.floor(rest / 128)) {
      bytes.push(rest < 128 ? rest : (rest % 128) + 128);
      if (rest < 128) return Buffer.from(bytes);
    }
  };
  return Buffer.concat(
    fields.flatMap(([field, value]) => {
      if (typeof value === 'number') return [varint(field * 8), varint(value)];
      if (typeof value === 'object' && 'float' in value) {
        const four = Buffer.alloc(4);
        four.writeFloatLE(value.float);
        return [varint(field * 8 + 5), four];
      }
      const bytes = Buffer.from(value as string);
      return [varint(field * 8 + 2), varint(bytes.length), bytes];
    }),
  );
}
const piece = (text: string, score = 0, type = 1) => message([1, text], [2, { float: score }], [3, type]);
const model = (pieces: Buffer[], trainer: Buffer, normalizer = message([1, 'identity'])) =>
  message(...pieces.map((p): [number, Buffer] => [1, p]), [2, trainer], [3, normalizer]);
const bpe = message([3, 2]);
const few = [piece('<unk>', 0, 2), piece('<s>', 0, 3), piece('</s>', 0, 3), piece('▁', -1), piece('a', -2)];

describe('a sentencepiece model', () => {
  it.each(cases.filter((c) => c.rows.length > 0))(
    'gives the ids and texts of sentencepiece: $name',
    ({ model, rows }) => {
      const tokenizer = load(Buffer.from(model, 'base64'));
      expect(rows.length).toBeGreaterThan(50);
      for (const [text, ids, decoded] of rows) {
        expect([text, tokenizer.encode(text)]).toEqual([text, ids]);
        // Sentencepiece writes " ⁇ " for what is unknown.
        const shown = tokenizer.decode(ids, { skipSpecialTokens: false }).replaceAll('<unk>', ' ⁇ ');
        expect([text, shown]).toEqual([text, decoded]);
      }
    },
  );

  it('with byte tokens decodes to the text, but for the sign that stands for spaces', () => {
    for (const name of ['like Llama', 'symbols of the user', 'without a first space']) {
      const tokenizer = load(bytesOf(name));
      const text = fc.string({
        unit: fc.oneof(fc.constantFrom(' ', '\n', 'a', 'ab', 'the'), fc.string({ unit: 'binary' })),
      });
      fc.assert(
        fc.property(text, (t) => {
          fc.pre(!/\p{Surrogate}/u.test(t) && !t.includes('▁'));
          expect(tokenizer.decode(tokenizer.encode(t), { skipSpecialTokens: false })).toBe(t);
        }),
      );
    }
  });

  it('gives only the first text a space of its own where it is not legacy', () => {
    const tokens = (legacy: boolean, text: string) => load(bytesOf('like Llama'), legacy).encode(text);
    expect(tokens(true, 'the')).toEqual(tokens(false, 'the'));
    expect(tokens(false, ' the')).toEqual(tokens(false, 'the'));
    expect(tokens(true, ' the')).not.toEqual(tokens(true, 'the'));
  });

  it.each<[string, Buffer, string]>([
    [
      'unigram',
      bytesOf('unigram'),
      'expected a sentencepiece model of BPE; save the tokenizer as tokenizer.json, got unigram',
    ],
    [
      'rules',
      model(few, bpe, message([1, 'nmt_nfkc'], [2, 'rules'])),
      'expected no normalization rules; save the tokenizer as tokenizer.json, got those of "nmt_nfkc"',
    ],
    ['a suffix', model(few, message([3, 2], [24, 1])), 'expected no treat_whitespace_as_suffix'],
    ['spaces as they are', model(few, bpe, message([5, 0])), 'expected escape_whitespaces'],
    ['unused pieces', model([...few, piece('b', 0, 5)], bpe), 'expected no unused pieces'],
    [
      'the same piece twice',
      model([...few, piece('a', 0)], bpe),
      'expected pieces that are all different, got "a", score 0, in a.model, piece 5',
    ],
    ['no finite score', model([piece('a', Number.NaN)], bpe), 'expected finite scores, got "a", score NaN'],
    ['an empty piece', model([...few, piece('')], bpe), 'expected pieces of 1 to 256 characters'],
    ['a long piece', model([...few, piece('a'.repeat(257))], bpe), 'expected pieces of 1 to 256 characters'],
  ])('is refused: %s', (_, bytes, text) => {
    expect(() => sentencePieceDefinition(bytes, true, 'a.model')).toThrow(DataError);
    expect(() => sentencePieceDefinition(bytes, true, 'a.model')).toThrow(text);
  });

  it('is read field by field, and skips what it does not know', () => {
    const unknown: [number, string | number][] = [
      [99, 'something'],
      [98, 2 ** 40],
    ];
    const bytes = Buffer.concat([
      message(...unknown),
      model(few, message([3, 2], [35, 1], [40, 0], [43, 2 ** 53 - 1])),
    ]);
    const read = readSentencePiece(bytes, 'a.model');
    expect(read.pieces.map(({ text }) => text)).toEqual(['<unk>', '<s>', '</s>', '▁', 'a']);
    expect(read).toMatchObject({ modelType: 2, byteFallback: true, unkId: 0, normalization: 'identity' });
  });

  it('cut short or changed anywhere is read or refused, never anything else', () => {
    const whole = model(few, bpe);
    const attempt = (bytes: Uint8Array) => {
      try {
        load(bytes).encode('a a');
      } catch (error) {
        expect(error).toBeInstanceOf(DataError);
      }
    };
    for (let length = 0; length < whole.length; length++) attempt(whole.subarray(0, length));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(whole);
        changed[at] = byte;
        attempt(changed);
      }),
      { numRuns: 500 },
    );
    expect(() => readSentencePiece(Buffer.alloc(0), 'a.model')).toThrow('got one without pieces');
    expect(() => readSentencePiece(Buffer.from([10, 255, 255, 255, 255, 15]), 'a.model')).toThrow('beyond the end');
    expect(() => readSentencePiece(Buffer.alloc(12, 255), 'a.model')).toThrow('a number of more than ten bytes');
  });
});
