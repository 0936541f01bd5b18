// Random-weight checkpoints with every switch of the family on, against the logits that transformers computes for them:
// ../shared/reference/random. And against themselves: a prompt in one go is the prompt token by token.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../src/checkpoint/safetensors.js';
import { loadModel } from '../../src/models/load-model.js';
import type { Model } from '../../src/models/model.js';
import { noShared, shared } from '../setup.js';

const home = join(shared, 'reference/random');
const folders = noShared ? ['(none)'] : readdirSync(home).sort();

async function sequences(folder: string): Promise<{ ids: number[]; logits: Float32Array }[]> {
  const file = await openSafetensors(join(folder, 'logits.safetensors'));
  const names = [...file.tensors.keys()].filter((name) => name.startsWith('ids_'));
  const found = [];
  for (const name of names)
    found.push({
      ids: Array.from(new BigInt64Array(await file.read(name)), Number),
      logits: await file.readFloats(name.replace('ids', 'logits')),
    });
  await file.close();
  return found;
}

describe.skipIf(noShared).each(folders)('%s', (name) => {
  const folder = join(home, name);
  let model: Model;
  let cases: Awaited<ReturnType<typeof sequences>>;
  beforeAll(async () => {
    cases = await sequences(folder);
    model = await loadModel(folder, { threads: 1, deterministic: true });
  });
  afterAll(() => model.dispose());

  it('has the logits of transformers', async () => {
    expect(cases.length).toBeGreaterThan(0);
    for (const { ids, logits } of cases) expect(await model.logits(ids)).toBeAllClose(logits, 1e-4, 0);
  });

  it('scores endings of one beginning with the bits that each has alone', async () => {
    for (const { ids } of cases) {
      if (ids.length < 3) continue;
      const half = Math.floor(ids.length / 2);
      const endings = [1, 2, half].map((shorter) => {
        const kept = ids.slice(0, Math.max(2, ids.length - shorter + 1));
        return { ids: [...kept.slice(0, -1), (kept[kept.length - 1] + shorter) % model.config.vocab_size], scored: 1 };
      });
      const packed = await model.scoreEndings(endings, [[0, 1, 2]]);
      for (const [e, ending] of endings.entries())
        expect(
          model.graph.positionsOf(ending.ids.length) === model.graph.positionsOf(ending.ids.length - 1)
            ? (await model.logProbabilities([ending.ids]))[0].at(-1)
            : (await model.scoreEndings([ending], [[0]]))[0].logProbability,
        ).toBe(packed[e].logProbability);
    }
  });

  it('has them with fast kernels and two threads', async () => {
    const fast = await loadModel(folder, { threads: 2 });
    for (const { ids, logits } of cases) expect(await fast.logits(ids)).toBeAllClose(logits, 1e-4, 0);
    await fast.dispose();
  });

  it('decodes to the same bits, however the prompt is cut', async () => {
    const { vocab_size } = model.config;
    for (const { ids } of cases) {
      const logits = await model.logits(ids);
      for (const step of [1, 3]) {
        const cache = model.createCache(ids.length);
        for (let at = 0; at < ids.length; at += step) {
          const end = Math.min(at + step, ids.length);
          const stretched = model.graph.positionsOf(end) !== model.graph.positionsOf(ids.length);
          const all = stretched ? await model.logits(ids.slice(0, end)) : logits;
          expect(await model.next(cache, ids.slice(at, end))).toEqual(
            all.slice((end - 1) * vocab_size, end * vocab_size),
          );
        }
        cache.free();
      }
    }
  });

  it('scores a window as its logits say', async () => {
    const { vocab_size: V } = model.config;
    const windows = cases.filter(({ ids }) => ids.length > 1);
    const got = await model.logProbabilities(windows.map(({ ids }) => ids));
    windows.forEach(({ ids, logits }, w) => {
      const expected = ids.slice(1).map((id, t) => {
        const row = logits.subarray(t * V, (t + 1) * V);
        return row[id] - Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0));
      });
      expect(got[w]).toBeAllClose(expected, 2e-4, 0);
    });
  });
});
