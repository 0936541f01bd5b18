// The embedded model against transformers: logits, perplexity, Wanda's activations and one of its masks, as golden.json
// holds them. Unlike the other golden tests this one runs wherever the package is; make_golden.py made the file.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/open.js';
import { embeddedFolder, embeddedTexts } from '../../src/checkpoint/embedded.js';
import { openCheckpoint } from '../../src/checkpoint/open-checkpoint.js';
import { perplexity } from '../../src/evaluate/perplexity.js';
import { graphOf } from '../../src/models/families.js';
import { loadModel } from '../../src/models/load-model.js';
import type { Model } from '../../src/models/model.js';
import { loadBlock, loadOuter } from '../../src/models/weights.js';
import { prune } from '../../src/prune/prune.js';
import { InputStatistics } from '../../src/prune/statistics.js';
import { BlockStream } from '../../src/prune/stream.js';
import { folderWith, removeFolder } from '../checkpoint-fixture.js';

const golden = JSON.parse(await readFile(new URL('golden.json', import.meta.url), 'utf8'));
let model: Model;
let home: string;
beforeAll(async () => {
  home = await folderWith({ 'windows.json': JSON.stringify(golden.perplexity.windows) });
});
afterAll(() => removeFolder(home));

describe.each([
  { threads: 1, deterministic: true },
  { threads: 2, deterministic: false },
])('the embedded model with $threads threads, deterministic $deterministic', (engine) => {
  beforeAll(async () => {
    model = await loadModel(undefined, engine);
  });
  afterAll(() => model.dispose());

  it('gives the logits of transformers', async () => {
    const { ids, last, others } = golden.logits;
    const logits = await model.logits(ids);
    const row = (t: number, length: number) => logits.subarray(t * 512, t * 512 + length);
    expect(logits.length).toBe(ids.length * 512);
    expect(row(ids.length - 1, 512)).toBeAllClose(last, 1e-4, 0);
    for (const [t, values] of Object.entries<number[]>(others))
      expect(row(Number(t), values.length)).toBeAllClose(values, 1e-4, 0);
  });

  it('gives its perplexity', async () => {
    const got = await perplexity(model, join(home, 'windows.json'));
    expect(got.windows).toBe(4);
    expect(got.nll).toBeCloseTo(golden.perplexity.nll.reduce((a: number, b: number) => a + b) / 4, 5);
    expect(Math.abs(got.perplexity / golden.perplexity.perplexity - 1)).toBeLessThan(1e-5);
  });

  it('makes the same tokens of its text', async () => {
    const text = await readFile(embeddedTexts.evaluation, 'utf8');
    const ids = (await model.tokenizer()).encode(text);
    expect(ids.length).toBe(golden.tokens);
    expect(ids.slice(0, 4 * 96)).toEqual(golden.perplexity.windows.flat());
  });
});

describe('Wanda on the embedded model', () => {
  it('sees the activations that a hook in PyTorch sees', async () => {
    const checkpoint = await openCheckpoint(embeddedFolder);
    const backend = await openBackend({ threads: 1 });
    const graph = graphOf(checkpoint);
    const stream = new BlockStream(graph, backend, golden.perplexity.windows);
    const states = stream.embed(await loadOuter(checkpoint, graph, backend));
    const seen = new Map<string, Float32Array>();
    for (let b = 0; b < 4; b++) {
      const statistics = new InputStatistics(backend, graph.linears, 4, stream.seqLen);
      await stream.run(b, await loadBlock(checkpoint, graph, backend, b), states, states, statistics.observe);
      for (const [input, a] of await statistics.activations()) seen.set(`model.layers.${b}.${input}`, a);
    }
    for (const [name, a] of Object.entries<number[]>(golden.activations))
      expect(seen.get(name)).toBeAllClose(a, 1e-6, 1e-5);
    await backend.dispose();
    await checkpoint.close();
  });

  it('removes the weights that a stable sort in PyTorch removes', async () => {
    const { layer, sparsity, prunedOfRow, keptSha256 } = golden.mask;
    const out = join(home, 'pruned');
    const calibration = join(home, 'windows.json');
    const record = await prune({ out, calibration, topUp: 'uniform', sparsity, samples: 4, threads: 1 });
    expect(record.layers.find(({ name }) => name === layer)?.zeros).toBe(128 * prunedOfRow);
    const pruned = await openCheckpoint(out);
    const values = await pruned.readFloats(`${layer}.weight`, [128, 128]);
    await pruned.close();
    const kept = Array.from(values, (v) => (v === 0 ? '0' : '1')).join('');
    expect(createHash('sha256').update(kept).digest('hex')).toBe(keptSha256);
  });
});
