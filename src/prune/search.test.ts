// The search with early stopping must return what the exhaustive one returns: on random models, with every kind of method,
// with candidates that tie, and however few of them may wait in memory together.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { removeFolder } from '../../test/checkpoint-fixture.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../test/golden/tiny-llama.js';
import { contextOf, type TestContext } from '../../test/prune-context.js';
import { allocate } from './allocation.js';
import type { PruneOptions } from './options.js';
import { search } from './search.js';

/** One sparsity for each block of each candidate. */
const allocations = ({ graph }: TestContext, lists: readonly (readonly number[])[]) =>
  lists.map((sparsities) => allocate(graph, (block) => sparsities[block]));

it('does not run a candidate whose partial sum is already larger than the winner', async () => {
  const folder = await tinyFolder(tinyConfig, tinyTensors(tinyConfig, 1));
  const context = await contextOf(folder, tinyWindows(3, 7));
  // Nothing removed is no misalignment: the second candidate wins, and one block of the first says so.
  const lists = [
    [0.6, 0.6, 0.6],
    [0, 0, 0],
  ];
  const { best, results } = await search(context, allocations(context, lists), () => {});
  expect([best, ...results.map((r) => r.differences.length)]).toEqual([1, 1, 3]);
  await context.close();
  await removeFolder(folder);
});

/** Few sparsities, so that whole candidates repeat; a candidate is a sparsity for each of three blocks. */
const share = fc.constantFrom(0, 0.3, 0.5, 0.6);
const candidates = fc.array(fc.tuple(share, share, share), { minLength: 1, maxLength: 7 });
const seed = fc.integer({ min: 1, max: 99 });

it.each<Partial<PruneOptions>>([
  { method: 'wanda' },
  { method: 'multiflow', rounding: 'exact' },
  { method: 'sparsegpt' },
  { method: 'admm' },
])('returns the exhaustive winner, ties included: %o', async (options) => {
  await fc.assert(
    fc.asyncProperty(seed, candidates, fc.integer({ min: 0, max: 7 }), async (seed, lists, together) => {
      const folder = await tinyFolder(tinyConfig, tinyTensors(tinyConfig, seed));
      const context = await contextOf(folder, tinyWindows(3, 7), options);
      try {
        const searchMemory = together * context.searchStream.stateBytes;
        let passes = 0;
        const all = await search({ ...context, exhaustive: true }, allocations(context, lists), () => {});
        const stopped = await search({ ...context, searchMemory }, allocations(context, lists), () => passes++);
        const totals = all.results.map((r) => r.misalignment);
        expect(all.results.every((r) => r.differences.length === 3)).toBe(true);
        expect(all.best).toBe(totals.indexOf(Math.min(...totals)));
        expect(stopped.best).toBe(all.best);
        expect(stopped.results[stopped.best]).toEqual(all.results[all.best]);
        expect(stopped.results.reduce((sum, r) => sum + r.differences.length, 0)).toBe(passes);
      } finally {
        await context.close();
        await removeFolder(folder);
      }
    }),
    { numRuns: 12 },
  );
});
