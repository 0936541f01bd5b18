// Every family against transformers, on tiny models that families.json describes (make_families.py made it): logits, the
// weights that Wanda keeps, the logits of the pruned folder; and against itself, a prompt at once or token by token.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/checkpoint/open-checkpoint.js';
import { graphOf, knownModelTypes } from '../../src/models/families.js';
import type { LinearLayer } from '../../src/models/graph.js';
import { inspect } from '../../src/models/inspect.js';
import { transposed } from '../../src/models/layout.js';
import { loadModel } from '../../src/models/load-model.js';
import type { Model } from '../../src/models/model.js';
import { readWeight, storedValues } from '../../src/models/weights.js';
import { prune } from '../../src/prune/prune.js';
import { removeFolder } from '../checkpoint-fixture.js';
import { folderOf, models } from './tiny-families.js';

function keptBits(values: Float32Array, { rows, columns }: LinearLayer): string {
  const stride = Math.ceil(columns / 8);
  const bits = new Uint8Array(rows * stride);
  values.forEach((v, i) => {
    const [r, c] = [Math.floor(i / columns), i % columns];
    if (v !== 0) bits[r * stride + (c >> 3)] |= 1 << (c & 7);
  });
  return Buffer.from(bits).toString('base64');
}

/** Σ log p over the last `scored` ids, by the definition. */
function logProbability(logits: Float32Array, ids: readonly number[], scored: number): number {
  const size = logits.length / (ids.length - 1);
  let sum = 0;
  for (let t = ids.length - 1 - scored; t + 1 < ids.length; t++) {
    const row = Array.from(logits.subarray(t * size, (t + 1) * size));
    sum += row[ids[t + 1]] - Math.log(row.reduce((total, v) => total + Math.exp(v), 0));
  }
  return sum;
}

it('covers every model type', () => {
  expect(new Set(Object.values(models).map(({ config }) => config.model_type))).toEqual(new Set(knownModelTypes));
});

/** Files of the family whose ids are held against their originals by the tests in src/text. */
const tokenizers: Record<string, string> = {
  llama: 'tokenizer.model, tokenizer.json',
  mistral: 'tokenizer.model',
  opt: 'vocab.json + merges.txt',
  phi: 'vocab.json + merges.txt',
  gpt2: 'vocab.json + merges.txt',
};

/** Models that passed the tests below, for the table. */
const passed = { runs: new Set<string>(), decodes: new Set<string>(), prunes: new Set<string>() };

describe.each(Object.entries(models))('%s', (name, golden) => {
  const { windows, logits, kept } = golden;
  const row = (all: Float32Array, t: number) => all.subarray(t * 40, (t + 1) * 40);
  let folder: string;
  let model: Model;
  beforeAll(async () => {
    folder = await folderOf(golden);
    model = await loadModel(folder, { threads: 1, deterministic: true });
  });
  afterAll(async () => {
    await model.dispose();
    await removeFolder(folder);
  });

  it('scores endings of one beginning, packed with others, with the bits that each has alone', async () => {
    const [first, second] = windows;
    const endings = [
      { ids: first, scored: 6 },
      { ids: [...first.slice(0, 7), ...second.slice(0, 3)], scored: 3 },
      { ids: [...first.slice(0, 7), second[1]], scored: 1 },
      { ids: second.slice(0, 5), scored: 4 },
    ];
    const packed = await model.scoreEndings(endings, [[0, 1, 2], [3]]);
    for (const [e, { ids, scored }] of endings.entries()) {
      expect((await model.scoreEndings(endings, [[e]]))[e]).toEqual(packed[e]);
      const alone = await model.logits(ids.slice(0, -1));
      expect(packed[e].logProbability).toBeCloseTo(logProbability(alone, ids, scored), 4);
    }
  });

  it('has the logits of transformers', async () => {
    const all = await model.logits(windows[0]);
    expect(row(all, 5)).toBeAllClose(logits[5], 1e-5, 1e-5);
    expect(row(all, 13)).toBeAllClose(logits[13], 1e-5, 1e-5);
    expect(row(await model.logits(windows[1].slice(0, 6)), 5)).toBeAllClose(logits.short, 1e-5, 1e-5);
    passed.runs.add(name);
  });

  it('has them however the prompt is cut', async () => {
    for (const step of [1, 3]) {
      const cache = model.createCache(14);
      for (let at = 0; at < 14; at += step) {
        const end = Math.min(at + step, 14);
        const got = await model.next(cache, windows[0].slice(at, end));
        expect(got).toEqual(row(await model.logits(windows[0].slice(0, end)), end - 1));
      }
      cache.free();
    }
    passed.decodes.add(name);
  });

  it('loses the weights that Wanda takes in PyTorch, in a folder of the same kind', async () => {
    const out = join(folder, '..', `${folder.split('/').pop()}-pruned`);
    const calibration = join(folder, 'windows.json');
    const record = await prune({ model: folder, out, calibration, topUp: 'uniform', sparsity: 0.5, threads: 1 });
    try {
      expect(record.layers.map(({ name }) => name)).toEqual(Object.keys(kept));
      const pruned = await openCheckpoint(out);
      const graph = graphOf(pruned);
      for (const [i, { block, name }] of record.layers.entries()) {
        const layer = graph.linears[i % graph.linears.length];
        const values = await readWeight(pruned, graph, block, layer);
        // PyTorch's rows come as they are stored, but as outputs.
        const rows = layer.layout === transposed ? values : storedValues(values, layer);
        expect(keptBits(rows, layer), name).toBe(kept[name]);
      }
      await pruned.close();
      expect((await inspect(out)).layers.map(({ zeros }) => zeros)).toEqual(record.layers.map(({ zeros }) => zeros));
      const reopened = await loadModel(out, { threads: 1 });
      expect(row(await reopened.logits(windows[0]), 13)).toBeAllClose(golden.pruned, 1e-5, 1e-5);
      await reopened.dispose();
      passed.prunes.add(name);
    } finally {
      await removeFolder(out);
    }
  });
});

it('the table in docs/families.md is what these tests found (-u writes it)', async () => {
  const rows = knownModelTypes.map((type) => {
    const names = Object.keys(models).filter((name) => models[name].config.model_type === type);
    const count = (of: ReadonlySet<string>) => `${names.filter((name) => of.has(name)).length} of ${names.length}`;
    const { runs, decodes, prunes } = passed;
    return [`\`${type}\``, names.join('; '), count(runs), count(decodes), count(prunes), tokenizers[type] ?? '–'];
  });
  const head = ['model_type', 'golden models', 'runs', 'decodes', 'prunes', 'tokenizers'];
  const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const text = await readFile(new URL('families.md.txt', import.meta.url), 'utf8');
  await expect(text.replace('TABLE', table)).toMatchFileSnapshot('../../docs/families.md');
});
