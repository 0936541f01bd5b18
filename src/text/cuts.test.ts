// A text in parts has the ids of the text in one piece: for every tokenizer there is here, on random and on spiteful texts.

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noShared, shared } from '../../test/setup.js';
import { embeddedFolder } from '../checkpoint/embedded.js';
import { readSource } from '../data/source.js';
import { BpeMerger } from './bpe.js';
import { cut, cutRule } from './cuts.js';
import { openPool } from './encode-pool.js';
import { encodeInParts, encodePart } from './long-text.js';
import { makePipeline } from './pipeline.js';
import { loadTokenizer, readTokenizer, type Tokenizer } from './tokenizer.js';

const data = (name: string) => join(shared, 'data/tokenizers', name);
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'neuroal-cuts-'));
});
afterAll(() => rm(scratch, { recursive: true }));

/** A copy of tokenizer files with a class or a model type beside them. */
async function folder(name: string, files: string[], more: Record<string, object>): Promise<Tokenizer> {
  const path = await mkdtemp(join(scratch, 'tokenizer-'));
  for (const file of files) await cp(join(data(name), file), join(path, file));
  for (const [file, content] of Object.entries(more)) await writeFile(join(path, file), JSON.stringify(content));
  return loadTokenizer(path);
}

const both = ['vocab.json', 'merges.txt'];
const llamaConfig = (more: object) => ({ 'tokenizer_config.json': { tokenizer_class: 'LlamaTokenizer', ...more } });
const known: [name: string, needsShared: boolean, open: () => Promise<Tokenizer>][] = [
  ['embedded', false, () => loadTokenizer(embeddedFolder)],
  ['embedded, tokenizer.json', false, () => readTokenizer(join(embeddedFolder, 'tokenizer.json'))],
  ['llama2', true, () => loadTokenizer(data('llama2'))],
  ['llama2, tokenizer.json', true, () => readTokenizer(join(data('llama2'), 'tokenizer.json'))],
  ['llama2, sentencepiece', true, () => folder('llama2', ['tokenizer.model'], {})],
  [
    'llama2, sentencepiece, not legacy',
    true,
    () => folder('llama2', ['tokenizer.model'], llamaConfig({ legacy: false })),
  ],
  ['llama2, legacy', true, () => folder('llama2', ['tokenizer.json'], llamaConfig({ legacy: true }))],
  ['llama2, no prefix', true, () => folder('llama2', ['tokenizer.json'], llamaConfig({ add_prefix_space: false }))],
  ['mistral-v1', true, () => loadTokenizer(data('mistral-v1'))],
  ['phi-2', true, () => loadTokenizer(data('phi-2'))],
  ['gpt2', true, () => folder('gpt2', both, { 'config.json': { model_type: 'gpt2' } })],
  ['gpt2 as qwen2', true, () => folder('gpt2', both, { 'config.json': { model_type: 'qwen2' } })],
  ['gpt2 as gpt_neox', true, () => folder('gpt2', both, { 'config.json': { model_type: 'gpt_neox' } })],
  [
    'gpt2, prefix space',
    true,
    () =>
      folder('gpt2', both, {
        'config.json': { model_type: 'gpt2' },
        'tokenizer_config.json': { add_prefix_space: true },
      }),
  ],
  ['opt', true, () => folder('opt', both, { 'config.json': { model_type: 'opt' } })],
  ['TinyStories-656K', true, () => loadTokenizer(join(shared, 'data/models/TinyStories-656K'))],
];

/** What might reach across a cut: runs of spaces, contractions, digits, marks, added tokens, what no vocabulary has. */
const bits = fc.constantFrom(
  ...[
    'a b',
    ' a',
    'b ',
    ' ',
    '  ',
    '   ',
    '\n',
    '\n\n',
    '\t',
    '▁',
    ' ▁',
    'a▁b',
    "'s",
    " 't",
    "n't ",
    'the ',
    ' of',
    ' and',
  ],
  ...[
    'word',
    'I',
    '1',
    '23',
    ' 4',
    '.',
    ', ',
    '…',
    'é',
    'e\u0301',
    '\u0301',
    '\u00a0',
    '\ufeff',
    '\u2028',
    '\u200b',
    'ß',
  ],
  ...[
    '<s>',
    ' </s> ',
    '<unk>',
    '<|endoftext|>',
    '<0x41>',
    'Ġ',
    ' Ġa',
    'x Ġ y',
    '👋',
    '👨‍👩‍👧',
    '你好',
    ' 世界 ',
    '\ud83d',
    '\udc4b',
    '\0',
    'ﬁ',
    'Ⅷ',
  ],
);
const spiteful = fc.array(bits, { maxLength: 40 }).map((all) => all.join(''));
const texts = fc.oneof(
  spiteful,
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.lorem({ maxCount: 20, mode: 'words' }),
);

describe.each(known)('%s', (name, needsShared, open) => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    if (!(needsShared && noShared)) tokenizer = await open();
  });

  it.skipIf(needsShared && noShared)('gives the ids of the whole text', async () => {
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        async (text, partLength, addSpecialTokens) => {
          const ids = await tokenizer.encodeLong(text, { partLength, addSpecialTokens });
          expect([...ids]).toEqual(tokenizer.encode(text, { addSpecialTokens }));
        },
      ),
      { numRuns: 400 },
    );
  });

  it.skipIf(needsShared && noShared)('is cut at nearly every word', async () => {
    const text = 'Once upon a time there was a little dog who liked to run and play in the park'.repeat(3);
    let parts = 0;
    await tokenizer.encodeLong(text, { partLength: 1, onProgress: () => parts++ });
    // Its merges take a letter and the space after it together: such a text stays whole.
    if (name === 'TinyStories-656K') expect(parts).toBe(1);
    else expect(parts).toBeGreaterThan(45);
  });

  it.skipIf(noShared)('gives the same ids for WikiText-2 in parts', async () => {
    const text = (await readFile(join(shared, 'data/text/wikitext-2/wiki.test.raw'), 'utf8')).slice(0, 150_000);
    expect([...(await tokenizer.encodeLong(text, { partLength: 50 }))]).toEqual(tokenizer.encode(text));
  });
});

describe.skipIf(noShared)('the reference', () => {
  it.each<[name: string, open: () => Promise<Tokenizer>]>([
    ['embedded', () => readTokenizer(join(embeddedFolder, 'tokenizer.json'))],
    ['TinyStories-656K', () => readTokenizer(join(shared, 'data/models/TinyStories-656K/tokenizer.json'))],
    ['llama2', () => readTokenizer(join(data('llama2'), 'tokenizer.json'))],
    ['llama2-sentencepiece', () => folder('llama2', ['tokenizer.model'], {})],
    ['mistral-v1-sentencepiece', () => folder('mistral-v1', ['tokenizer.model'], {})],
    ['phi-2', () => readTokenizer(join(data('phi-2'), 'tokenizer.json'))],
    ['gpt2', () => folder('gpt2', both, { 'config.json': { model_type: 'gpt2' } })],
    ['opt', () => folder('opt', both, { 'config.json': { model_type: 'opt' } })],
  ])('has the ids of the parts: %s', async (name, open) => {
    const tokenizer = await open();
    const rows = JSON.parse(await readFile(join(shared, `reference/tokens/${name}.json`), 'utf8'));
    for (const { text, ids } of rows)
      expect([text, [...(await tokenizer.encodeLong(text, { partLength: 20 }))]]).toEqual([text, ids]);
  });

  it('counts 341,469 ids of WikiText-2 with the tokenizer of Llama 2', async () => {
    const source = await readSource(`wikitext2=${join(shared, 'data/text/wikitext-2/wiki.test.raw')}`);
    if (source.kind !== 'protocol') return expect.unreachable();
    const text = source.rows.join('\n\n');
    expect(await (await loadTokenizer(data('llama2'))).encodeLong(text)).toHaveLength(341_469);
  });
});

describe('merging in pieces', () => {
  /** Merges that each make a new token out of two that are there by then. */
  const merges = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 12 }).map((picks) => {
    const tokens = ['a', 'b', 'c', '👋', ' '];
    const pairs: [string, string][] = [];
    for (const [i, j] of picks) {
      const pair: [string, string] = [tokens[i % tokens.length], tokens[j % tokens.length]];
      if (tokens.includes(pair[0] + pair[1])) continue;
      tokens.push(pair[0] + pair[1]);
      pairs.push(pair);
    }
    return { pairs, vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) };
  });
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', '👋', '?', ' '), { minLength: 60, maxLength: 200 })
    .map((c) => c.join(''));
  const whole = fc.subarray(['ab', 'c ', 'bca']);

  it.each([true, false])('gives the tokens of the whole, unknown characters left out: %s', (drops) => {
    fc.assert(
      fc.property(merges, text, whole, fc.boolean(), ({ pairs, vocab }, t, tokens, tied) => {
        for (const token of tokens) vocab[token] ??= Object.keys(vocab).length;
        const priorities = tied ? pairs.map((_, i) => i >> 1) : undefined;
        const merger = new BpeMerger({ vocab, merges: pairs, dropsUnknown: () => drops, whole: tokens, priorities });
        expect(merger.merge(t)).toEqual(merger.mergeWhole(t));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('cutRule', () => {
  const model = { type: 'BPE', vocab: { a: 0, b: 1, '▁': 2, 'a▁': 3, Ġ: 4 }, merges: ['a ▁'] };
  const rule = (pre_tokenizer: object | null, more = {}) =>
    cutRule(makePipeline({ model: { ...model, ...more }, pre_tokenizer }, {}));
  const cuts = (text: string, ...made: Parameters<typeof rule>) => {
    const found = rule(...made);
    return found && [...cut(text, found, 1)];
  };
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first' };
  const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: true };

  it('follows the merges where nothing else splits', () => {
    expect(cuts('a▁ab▁b', null)).toEqual(['a▁ab', '▁b']);
    expect(cuts('a ab b', metaspace)).toEqual(['a ab', ' b']);
    expect(cuts('a a', null)).toEqual(['a a']);
    expect(cuts('a a', { ...bytes, use_regex: false })).toEqual(['a', ' a']);
    expect(cuts('a b', metaspace, { ignore_merges: true })).toBeNull();
  });

  it('follows a pre-tokenizer that is known to split there', () => {
    expect(cuts('a b  b b1 b', bytes)).toEqual(['a', ' b  b', ' b1 b']);
    expect(cuts('a b', { type: 'Sequence', pretokenizers: [{ type: 'Digits' }, bytes] })).toEqual(['a', ' b']);
    expect(cuts('a b', bytes, { fuse_unk: true })).toBeNull();
  });

  it('leaves whole what is not known', () => {
    const split = { type: 'Split', pattern: { Regex: '[a-z]+ [a-z]+|.' }, behavior: 'Isolated', invert: false };
    expect(cuts('a b', split)).toBeNull();
    expect(cuts('a b', { type: 'Sequence', pretokenizers: [split, bytes] })).toBeNull();
    expect(cuts('a b', { ...metaspace, replacement: '_' })).toBeNull();
    expect(cuts('a b', { type: 'Whitespace' })).toBeNull();
  });
});

describe('a long text', () => {
  const text = 'Once upon a time there was a dog. '.repeat(2000);

  it('is encoded by a thread as by this one', async () => {
    const definition = JSON.parse(await readFile(join(embeddedFolder, 'tokenizer.json'), 'utf8'));
    const pool = await openPool({ definition, config: {} }, 2);
    try {
      const part = { text: text.slice(0, 5000), index: 0 };
      expect(await pool.encode(part)).toEqual(encodePart(makePipeline(definition, {}), part));
    } finally {
      await pool.close();
    }
  });

  it('is not given to threads again once one has failed', async () => {
    const definition = JSON.parse(await readFile(join(embeddedFolder, 'tokenizer.json'), 'utf8'));
    const pipeline = makePipeline(definition, {});
    // No tokenizer can be made of this.
    const broken = { definition: {}, config: {} };
    let asked = 0;
    const open: typeof openPool = async (parts, threads) => {
      const pool = await openPool(parts, threads);
      return {
        ...pool,
        encode(part) {
          asked++;
          return pool.encode(part);
        },
      };
    };
    const options = { threads: 2, partLength: 1000, lengthForThreads: 1 };
    const ids = await encodeInParts(pipeline, broken, text, options, open);
    expect(ids).toEqual(await encodeInParts(pipeline, broken, text, { partLength: 1000 }));
    // One for each lane.
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(3);
  });

  it('goes to threads where it is long enough', async () => {
    const tokenizer = await loadTokenizer(embeddedFolder);
    const reports: number[] = [];
    const options = { threads: 2, partLength: 5000, lengthForThreads: 1 };
    const ids = await tokenizer.encodeLong(text, { ...options, onProgress: ({ done }) => reports.push(done) });
    expect([...ids]).toEqual(tokenizer.encode(text));
    expect(reports.at(-1)).toBe(text.length);
    expect(reports).toEqual([...reports].sort((a, b) => a - b));
  });

  it.each([1, 2])('stops when asked to, with %i threads', async (threads) => {
    const tokenizer = await loadTokenizer(embeddedFolder);
    const controller = new AbortController();
    const stopped = tokenizer.encodeLong(text, {
      threads,
      partLength: 5000,
      lengthForThreads: 1,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
  });
});
