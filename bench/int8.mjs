// What rounding costs in perplexity: weights of int8 made of those of the checkpoint, and keys and values of bf16.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { embeddedFolder, embeddedTexts, inspect, loadModel, perplexity } from '../dist/index.js';
import { Complaint } from './complaint.mjs';
import { figure } from './table.mjs';

const models = process.env.MODELS?.split(',') ?? [embeddedFolder];
const text = process.env.TEXT ?? embeddedTexts.evaluation;

const change = (of, from) => `${(100 * (of / from - 1)).toFixed(3)} %`;

async function measure(folder, values) {
  const model = await loadModel(folder, { values });
  try {
    const { layers } = await inspect(folder, { values });
    const bytes = layers.reduce((sum, { runs }) => sum + runs.bytes, 0);
    return { perplexity: (await perplexity(model, text)).perplexity, bytes };
  } finally {
    await model.dispose();
  }
}

/** Windows that are read a token at a time, and the tokens of each. */
const WINDOWS = 16;
const TOKENS = 256;

/** Perplexity of a model that predicts one token after another, as it does when it writes. */
async function tokenByToken(model, ids, dtype) {
  if (ids.length < WINDOWS * TOKENS)
    throw new Complaint(`expected a text of at least ${WINDOWS * TOKENS} tokens, got ${ids.length}`);
  let [sum, count] = [0, 0];
  for (let w = 0; w < WINDOWS; w++) {
    const window = ids.slice(w * TOKENS, (w + 1) * TOKENS);
    const cache = model.createCache(TOKENS, dtype);
    try {
      for (let t = 0; t + 1 < window.length; t++) {
        const logits = await model.next(cache, [window[t]]);
        const top = logits.reduce((a, b) => Math.max(a, b));
        sum += top - logits[window[t + 1]] + Math.log(logits.reduce((all, v) => all + Math.exp(v - top), 0));
        count++;
      }
    } finally {
      cache.free();
    }
  }
  return Math.exp(sum / count);
}

async function measureCaches(folder) {
  const model = await loadModel(folder);
  try {
    const ids = (await model.tokenizer()).encode(await readFile(text, 'utf8'));
    return [await tokenByToken(model, ids, 'f32'), await tokenByToken(model, ids, 'bf16')];
  } finally {
    await model.dispose();
  }
}

export async function int8() {
  const rows = [];
  const caches = [];
  for (const folder of models) {
    console.error(`int8: ${folder}`);
    const [stored, rounded] = [await measure(folder, 'stored'), await measure(folder, 'int8')];
    rows.push([
      basename(folder),
      stored.perplexity.toFixed(4),
      rounded.perplexity.toFixed(4),
      change(rounded.perplexity, stored.perplexity),
      `${figure(stored.bytes / 1e6)} MB`,
      `${figure(rounded.bytes / 1e6)} MB`,
    ]);
    const [exact, half] = await measureCaches(folder);
    caches.push([basename(folder), exact.toFixed(4), half.toFixed(4), change(half, exact)]);
  }
  return [
    {
      title: 'int8: what rounding every matrix costs in perplexity',
      notes: [`On ${basename(text)}; the bytes are those of the blocks' linear layers in memory.`],
      head: ['model', 'perplexity, stored', 'perplexity, int8', 'change', 'layers, stored', 'layers, int8'],
      rows,
    },
    {
      title: 'bf16: what rounding keys and values costs in perplexity',
      notes: [
        `On ${WINDOWS} windows of ${TOKENS} tokens of ${basename(text)}, each token predicted from the cache of those before it.`,
      ],
      head: ['model', 'perplexity, f32', 'perplexity, bf16', 'change'],
      rows: caches,
    },
  ];
}
