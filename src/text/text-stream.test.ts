import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { TextStream } from './text-stream.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(join(fileURLToPath(new URL('../..', import.meta.url)), 'embedded'));
});

const streamed = (ids: number[], context: number[] = []) => {
  const stream = new TextStream(tokenizer, { context });
  return [...ids.map((id) => stream.push(id)), stream.end()];
};

describe('TextStream', () => {
  it('hands out the whole text, whatever it is', () => {
    const text = fc.string({
      unit: fc.oneof(fc.constantFrom(' ', 'a', 'Once', '\n', '€', '👋🌍'), fc.string({ unit: 'binary' })),
    });
    fc.assert(
      fc.property(
        text.map((t) => t.replace(/[\uD800-\uDFFF\uFFFD]/gu, '')),
        (t) => {
          const ids = tokenizer.encode(t);
          expect(streamed(ids).join('')).toBe(tokenizer.decode(ids));
        },
      ),
    );
  });

  it('continues a prompt with its space', () => {
    const ids = tokenizer.encode('Once upon a time, 日本 there');
    for (const cut of [1, 2, 4]) {
      const prompt = ids.slice(0, cut);
      expect(tokenizer.decode(prompt) + streamed(ids.slice(cut), prompt).join('')).toBe('Once upon a time, 日本 there');
    }
  });

  it('waits for whole characters', () => {
    const ids = tokenizer.encode('a日b', { addSpecialTokens: false });
    expect(streamed(ids)).toEqual(['a', '', '', '日', 'b', '']);
    expect(streamed(ids.slice(0, 2))).toEqual(['a', '', '\uFFFD']);
  });

  it('does not wait for ever', () => {
    const byte = tokenizer.idOf('<0xE2>')!;
    expect(streamed(new Array(30).fill(byte)).join('')).toHaveLength(30);
  });

  it('leaves special tokens out and the space after them in', () => {
    const [bos, ...ids] = tokenizer.encode('the cat');
    expect(streamed([...ids, bos, ...ids]).join('')).toBe('the cat the cat');
  });
});
