// Packed endings against each sequence by itself: sharing a beginning and a pass changes nothing, whatever the lengths and
// the neighbours.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyWindows } from '../../test/golden/tiny-llama.js';
import { DataError } from '../errors.js';
import { loadModel } from './load-model.js';
import type { Model } from './model.js';
import { type Ending, makePacks } from './packs.js';

const oneRegime = () => '';
const everyId = (endings: readonly Ending[]) => endings.map((_, e) => e);

describe('makePacks', () => {
  const ids = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2, maxLength: 9 });
  const ending = ids.chain((list) =>
    fc.integer({ min: 1, max: list.length - 1 }).map((scored): Ending => ({ ids: list, scored })),
  );

  it('has every prediction of every ending once, on a row that has seen exactly the tokens before it', () => {
    fc.assert(
      fc.property(
        fc.array(ending, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 20 }),
        (endings, most) => {
          const packs = makePacks(endings, [everyId(endings)], most, oneRegime);
          expect(packs.reduce((sum, { count }) => sum + count, 0)).toBe(endings.length);
          const got = endings.map(() => [] as number[]);
          for (const { ids: rows, spans, scored, predictions, longest } of packs) {
            // What the keys of each span hold when it is its turn, as attention lays them out.
            const keys = [...rows];
            const seen = new Map<number, number[]>();
            for (const { from, to, start, base } of spans) {
              for (let t = from; t < to; t++) keys[base + start + t - from] = rows[t];
              for (let t = from; t < to; t++) seen.set(t, keys.slice(base, base + start + t - from + 1));
            }
            expect(seen.size).toBe(rows.length);
            expect(longest).toBeLessThanOrEqual(9);
            const scoredRows = scored.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
            const rounds = new Set(predictions.map((p) => `${p.row} ${p.round} ${p.target}`));
            expect(new Set(predictions.map((p) => `${p.row} ${p.round}`)).size).toBe(rounds.size);
            for (const { ending: e, row, target } of predictions) {
              const before = seen.get(scoredRows[row]) as number[];
              expect([...before, target]).toEqual(endings[e].ids.slice(0, before.length + 1));
              got[e].push(before.length);
            }
            if (rows.length > most) expect(spans.length).toBeLessThanOrEqual(2);
          }
          for (const [e, { ids: list, scored }] of endings.entries())
            expect(got[e]).toEqual(Array.from({ length: scored }, (_, i) => list.length - scored + i));
        },
      ),
    );
  });

  it('computes a beginning once, equal tails once, and puts the longest first', () => {
    const endings: Ending[] = [
      { ids: [1, 2, 3, 4, 9], scored: 2 },
      { ids: [1, 2, 3, 5, 6, 7], scored: 3 },
      { ids: [1, 2, 3, 4, 8], scored: 2 },
      { ids: [7, 7], scored: 1 },
    ];
    const [pack, ...more] = makePacks(endings, [[0, 1, 2], [3]], 100, oneRegime);
    expect(more).toEqual([]);
    expect(pack.ids).toEqual([1, 2, 3, 5, 6, 4, 7]);
    expect(pack.spans).toEqual([
      { from: 0, to: 3, start: 0, base: 0 },
      { from: 3, to: 5, start: 3, base: 0 },
      { from: 5, to: 6, start: 3, base: 0 },
      { from: 6, to: 7, start: 0, base: 6 },
    ]);
    expect(pack.scored).toEqual([[2, 7]]);
    expect(pack.longest).toBe(5);
  });

  it('keeps sequences apart whose positions differ with their length', () => {
    const endings: Ending[] = [
      { ids: [1, 2, 3, 4], scored: 1 },
      { ids: [1, 2, 3, 4, 5, 6], scored: 1 },
    ];
    const packs = makePacks(endings, [[0, 1]], 100, (length) => (length > 4 ? 'long' : 'short'));
    expect(packs.map(({ ids, longest }) => [ids, longest])).toEqual([
      [[1, 2, 3], 3],
      [[1, 2, 3, 4, 5], 5],
    ]);
  });
});

describe('scoreEndings', () => {
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(undefined, { threads: 1, deterministic: true });
  });
  afterAll(() => model.dispose());

  /** By the definition, from the logits of the sequence alone. */
  async function alone({ ids, scored }: Ending) {
    const logits = await model.logits(ids.slice(0, -1));
    let logProbability = 0;
    let greedy = true;
    for (let t = ids.length - 1 - scored; t + 1 < ids.length; t++) {
      const row = Array.from(logits.subarray(t * 512, (t + 1) * 512));
      const top = Math.max(...row);
      logProbability += row[ids[t + 1]] - top - Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0));
      greedy &&= row.indexOf(top) === ids[t + 1];
    }
    return { logProbability, greedy };
  }

  it('gives what each sequence gives by itself, also where the answer is what greedy decoding writes', async () => {
    const [begin, ...tails] = tinyWindows(6, 40, 5, 512).map((w) => [...w]);
    const endings: Ending[] = tails.map((tail, i) => ({
      ids: [...begin, ...tail.slice(0, 3 + 5 * i)],
      scored: 3 + 5 * i,
    }));
    const cache = model.createCache(60);
    const greedy = [...begin];
    let logits = await model.next(cache, begin);
    for (let i = 0; i < 6; i++) {
      greedy.push(logits.indexOf(Math.max(...logits)));
      logits = await model.next(cache, greedy.slice(-1));
    }
    cache.free();
    endings.push({ ids: greedy, scored: 6 }, { ids: [...begin, 7], scored: 1 }, { ids: [...begin, 9], scored: 1 });
    endings.push({ ids: [3, 4], scored: 1 });
    const got = await model.scoreEndings(endings, [everyId(endings)]);
    for (const [e, ending] of endings.entries()) {
      const expected = await alone(ending);
      expect(got[e].logProbability).toBeCloseTo(expected.logProbability, 3);
      expect(got[e].greedy).toBe(expected.greedy);
    }
    expect(got.map(({ greedy }) => greedy).filter(Boolean)).toHaveLength(1);
    expect(
      await model.scoreEndings(
        endings,
        endings.map((_, e) => [e]),
      ),
    ).toEqual(got);
    expect(await model.scoreEndings([], [])).toEqual([]);
  });

  it('refuses ids that the model does not have, and endings with nothing before them', async () => {
    await expect(model.scoreEndings([{ ids: [1, 512], scored: 1 }], [[0]])).rejects.toThrow(
      'expected token ids from 0 to 511, got 512, in position 1',
    );
    const error = await model.scoreEndings([{ ids: [1, 2], scored: 2 }], [[0]]).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toBe('expected 1 to 1 scored ids of 2, got 2');
    await expect(model.scoreEndings([{ ids: new Array(514).fill(1), scored: 1 }], [[0]])).rejects.toThrow(
      'expected endings of at most 513 ids, got 514',
    );
  });

  it('stops when asked', async () => {
    const stop = new AbortController();
    const endings = tinyWindows(40, 200, 5, 512).map((w): Ending => ({ ids: [...w], scored: 5 }));
    const running = model.scoreEndings(
      endings,
      endings.map((_, e) => [e]),
      {
        signal: stop.signal,
        onScored: () => stop.abort(new Error('enough')),
      },
    );
    await expect(running).rejects.toThrow('enough');
  });
});
