// Tokenizing a text of some length: the tokenizers library alone, our merge loop over the whole text, the same in pieces,
// and the text in parts, on one thread and on more. All must give the same ids.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { embeddedFolder, embeddedTexts } from '../dist/index.js';
import { loadTokenizer, physicalCores, readSource, readTokenizerFolder } from '../dist/internals.js';

/** Characters of the text where none is given. */
const LENGTH = 1_300_000;

/** Seconds of one run; tokenizing takes long enough for one to say something. */
async function seconds(run) {
  const started = performance.now();
  const result = await run();
  return { result, seconds: (performance.now() - started) / 1000 };
}

async function text(source) {
  if (source !== undefined) {
    const read = await readSource(source);
    return read.kind === 'text' ? read.text : (read.rows ?? read.documents).join('\n\n');
  }
  const own = readFileSync(embeddedTexts.evaluation, 'utf8');
  return own.repeat(Math.ceil(LENGTH / own.length)).slice(0, LENGTH);
}

export async function tokenize() {
  const { TEXT, TOKENIZER = embeddedFolder, LIBRARY } = process.env;
  const threads = Number(process.env.THREADS ?? physicalCores());
  const content = await text(TEXT);
  /** A tokenizer that has seen no text yet. */
  const fresh = () => loadTokenizer(TOKENIZER);
  const ways = [
    [
      'merging the whole text',
      (tokenizer) => {
        const { merger } = tokenizer.pipeline;
        if (merger) merger.merge = merger.mergeWhole;
        return tokenizer.encode(content);
      },
    ],
    ['merging in pieces', (tokenizer) => tokenizer.encode(content)],
    ['in parts, 1 thread', (tokenizer) => tokenizer.encodeLong(content)],
    [`in parts, ${threads} threads`, (tokenizer) => tokenizer.encodeLong(content, { threads, lengthForThreads: 1 })],
  ];
  if (LIBRARY) {
    const { definition, config } = await readTokenizerFolder(TOKENIZER);
    const library = new LibraryTokenizer(definition, config);
    ways.unshift(['the library alone', () => library.encode(content).ids]);
  }
  const rows = [];
  let first;
  for (const [name, run] of ways) {
    const tokenizer = await fresh();
    const { result, seconds: taken } = await seconds(() => run(tokenizer));
    first ??= result;
    const same = result.length === first.length && result.every((id, i) => id === first[i]);
    if (!same) throw new Error(`expected the ids of the first way, got others: ${name}`);
    rows.push([name, taken.toFixed(2), (content.length / taken / 1e6).toFixed(2)]);
  }
  const of = TEXT === undefined ? 'the embedded evaluation text, repeated' : basename(TEXT);
  return [
    {
      title: `Tokenizing ${content.length} characters (${of}) with ${basename(TOKENIZER)}: ${first.length} ids`,
      notes: [
        'One run of each, with a tokenizer that has just been read. With threads, each of them reading it is part of the time;',
        'by itself, a text goes to threads from 16 million characters on.',
      ],
      head: ['way', 'seconds', 'M characters/s'],
      rows,
    },
  ];
}
