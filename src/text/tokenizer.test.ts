import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noShared, shared } from '../../test/setup.js';
import { joinByteTokens } from './byte-fallback.js';
import { loadTokenizer, readTokenizer } from './tokenizer.js';

interface Row {
  text: string;
  ids: number[];
  plain: number[];
  decoded: string;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroal-tokenizer-'));
});
afterAll(() => rm(folder, { recursive: true }));

const tiny = {
  added_tokens: [{ id: 0, content: '<unk>', special: true }],
  normalizer: { type: 'Prepend', prepend: '▁' },
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: { type: 'BPE', vocab: { '<unk>': 0, '▁': 1, a: 2, b: 3, ab: 4 }, merges: ['a b'], unk_token: '<unk>' },
};

describe.skipIf(noShared)('tokenizer.json as it is written', () => {
  it.each([
    ['embedded', 'embedded'],
    ['TinyStories-656K', 'data/models/TinyStories-656K'],
    ['llama2', 'data/tokenizers/llama2'],
    ['phi-2', 'data/tokenizers/phi-2'],
  ])('gives the ids and texts of the Rust library: %s', async (name, path) => {
    const tokenizer = await readTokenizer(join(shared, path, 'tokenizer.json'));
    const rows: Row[] = JSON.parse(await readFile(join(shared, `reference/tokens/${name}.json`), 'utf8'));
    for (const { text, ids, plain, decoded } of rows) {
      expect([text, tokenizer.encode(text)]).toEqual([text, ids]);
      expect(tokenizer.encode(text, { addSpecialTokens: false })).toEqual(plain);
      expect([text, tokenizer.decode(plain, { skipSpecialTokens: false })]).toEqual([text, decoded]);
    }
  });
});

describe.skipIf(noShared)('a model folder', () => {
  // python3 -c "from transformers import AutoTokenizer as A; t = A.from_pretrained('data/models/TinyStories-656K');
  //             print(t('  a').input_ids, t('a\0b').input_ids, t('x=1;y=2').input_ids, t('Привет, мир!').input_ids)"
  it('of class LlamaTokenizer is read as transformers reads it', async () => {
    const tokenizer = await loadTokenizer(join(shared, 'data/models/TinyStories-656K'));
    expect(tokenizer.encode('  a')).toEqual([1, 80, 85]);
    expect(tokenizer.encode('a\0b')).toEqual([1, 639]);
    expect(tokenizer.encode('x=1;y=2')).toEqual([1, 80, 76, 12, 22, 77, 13]);
    expect(tokenizer.encode('Привет, мир!')).toEqual([1, 80, 94, 4]);
  });

  it('gives the token counts of transformers on whole files', async () => {
    const counts = async (path: string) => {
      const tokenizer = await loadTokenizer(join(shared, path));
      const read = (file: string) => readFile(join(shared, file), 'utf8');
      return [
        tokenizer.encode(await read('data/text/tinystories/tinystories_val_head.txt')).length,
        tokenizer.encode(await read('embedded/evaluation.txt')).length,
      ];
    };
    expect(await counts('embedded')).toEqual([393019, 46217]);
    expect(await counts('data/models/TinyStories-656K')).toEqual([193013, 25172]);
  });
});

describe('a tokenizer', () => {
  it('answers questions about its tokens', async () => {
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tiny));
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.encode('abb')).toEqual([1, 4, 3]);
    expect(tokenizer.vocabSize).toBe(5);
    expect(tokenizer.idOf('ab')).toBe(4);
    expect(tokenizer.idOf('zz')).toBeUndefined();
    expect(tokenizer.isSpecial(0)).toBe(true);
    expect(tokenizer.decode([0, 4, 99])).toBe('ab');
    expect(tokenizer.decode([0, 4], { skipSpecialTokens: false })).toBe('<unk>ab');
    expect(tokenizer.decode([])).toBe('');
  });

  it('is asked for where it is missing, and refused where it is none', async () => {
    await rm(join(folder, 'tokenizer.json'), { force: true });
    await expect(loadTokenizer(folder)).rejects.toThrow(
      `expected tokenizer.json, vocab.json with merges.txt, or tokenizer.model in ${folder}: ` +
        "save the model's tokenizer there, or give token windows, got no such file",
    );
    await writeFile(join(folder, 'tokenizer.json'), 'nonsense');
    await expect(loadTokenizer(folder)).rejects.toThrow('expected a file of valid JSON, got Unexpected token');
    await writeFile(join(folder, 'tokenizer.json'), '{}');
    await expect(loadTokenizer(folder)).rejects.toThrow(
      'expected a tokenizer that the tokenizers library accepts, got',
    );
    const merges = ['a z'];
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify({ ...tiny, model: { ...tiny.model, merges } }));
    await expect(loadTokenizer(folder)).rejects.toThrow(
      'got merge 0 ("a z") is not made of tokens of the vocabulary, in ',
    );
  });
});

describe('byte tokens', () => {
  it('become text where they are UTF-8, and one U+FFFD each where not', () => {
    const euro = ['<0xE2>', '<0x82>', '<0xAC>'];
    expect(joinByteTokens(['a', ...euro, 'b'])).toEqual(['a', '€', 'b']);
    expect(joinByteTokens([...euro, '<0xFF>', 'b'])).toEqual(['\uFFFD'.repeat(4), 'b']);
    expect(joinByteTokens(['<0xEF>', '<0xBB>', '<0xBF>'])).toEqual(['\uFEFF']);
  });
});
