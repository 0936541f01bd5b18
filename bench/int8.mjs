// Perplexity of models with the weights of their checkpoints and with weights of int8 made of these, and what either takes.

import { basename } from 'node:path';
import { embeddedFolder, embeddedTexts, inspect, loadModel, perplexity } from '../dist/index.js';
import { figure } from './table.mjs';

const models = process.env.MODELS?.split(',') ?? [embeddedFolder];
const text = process.env.TEXT ?? embeddedTexts.evaluation;

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

export async function int8() {
  const rows = [];
  for (const folder of models) {
    console.error(`int8: ${folder}`);
    const [stored, rounded] = [await measure(folder, 'stored'), await measure(folder, 'int8')];
    rows.push([
      basename(folder),
      stored.perplexity.toFixed(4),
      rounded.perplexity.toFixed(4),
      `${(100 * (rounded.perplexity / stored.perplexity - 1)).toFixed(3)} %`,
      `${figure(stored.bytes / 1e6)} MB`,
      `${figure(rounded.bytes / 1e6)} MB`,
    ]);
  }
  return [
    {
      title: 'int8: what rounding every matrix costs in perplexity',
      notes: [`On ${basename(text)}; the bytes are those of the blocks' linear layers in memory.`],
      head: ['model', 'perplexity, stored', 'perplexity, int8', 'change', 'layers, stored', 'layers, int8'],
      rows,
    },
  ];
}
