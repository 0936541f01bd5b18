// The search with early stopping must return what the exhaustive one returns: on random models, with candidates that tie,
// and however few of them may wait in memory together.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { removeFolder } from '../../test/checkpoint-fixture.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../test/golden/tiny-llama.js';
import { openBackend } from '../backend/open.js';
import { openCheckpoint } from '../checkpoint/checkpoint.js';
import { graphOf } from '../models/families.js';
import { loadOuter } from '../models/weights.js';
import { uniform } from './allocate/uniform.js';
import { allocate } from './allocation.js';
import { wanda } from './scores/wanda.js';
import { search } from './search.js';
import { BlockStream } from './stream.js';

/** Says that its states fill the memory, so that `group` candidates wait together. */
class LargeStream extends BlockStream {
  group = 1;
  override get stateBytes(): number {
    return (1 << 30) / this.group;
  }
}

it('does not run a candidate whose partial sum is already larger than the winner', async () => {
  const folder = await tinyFolder(tinyConfig, tinyTensors(tinyConfig, 1));
  const checkpoint = await openCheckpoint(folder);
  const graph = graphOf(checkpoint);
  const backend = await openBackend({ threads: 1 });
  const outer = await loadOuter(checkpoint, graph, backend);
  const stream = new BlockStream(graph, backend, tinyWindows(3, 7));
  const context = { checkpoint, graph, backend, outer, score: wanda, search: stream };
  // Nothing removed is no misalignment: the second candidate wins, and one block of the first says so.
  const { best, results } = await search(context, [uniform(graph, 0.6), uniform(graph, 0)], false, () => {});
  expect([best, ...results.map((r) => r.differences.length)]).toEqual([1, 1, 3]);
  await backend.dispose();
  await checkpoint.close();
  await removeFolder(folder);
});

it('returns the exhaustive winner, ties included', async () => {
  // Few sparsities, so that whole candidates repeat; a candidate is a sparsity for each of three blocks.
  const share = fc.constantFrom(0, 0.3, 0.5, 0.6);
  const candidates = fc.array(fc.tuple(share, share, share), {
    minLength: 1,
    maxLength: 7,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 99 }),
      candidates,
      fc.integer({ min: 1, max: 7 }),
      async (seed, lists, group) => {
        const folder = await tinyFolder(tinyConfig, tinyTensors(tinyConfig, seed));
        const checkpoint = await openCheckpoint(folder);
        const graph = graphOf(checkpoint);
        const backend = await openBackend({ threads: 1, deterministic: true });
        try {
          const outer = await loadOuter(checkpoint, graph, backend);
          const stream = new LargeStream(graph, backend, tinyWindows(3, 7));
          stream.group = group;
          const context = { checkpoint, graph, backend, outer, score: wanda, search: stream };
          const allocations = lists.map((sparsities) => allocate(graph, (block) => sparsities[block]));
          let passes = 0;
          const all = await search(context, allocations, true, () => {});
          const stopped = await search(context, allocations, false, () => passes++);
          const totals = all.results.map((r) => r.misalignment);
          expect(all.best).toBe(totals.indexOf(Math.min(...totals)));
          expect(stopped.best).toBe(all.best);
          expect(stopped.results[stopped.best]).toEqual(all.results[all.best]);
          expect(stopped.results.reduce((sum, r) => sum + r.differences.length, 0)).toBe(passes);
        } finally {
          await backend.dispose();
          await checkpoint.close();
          await removeFolder(folder);
        }
      },
    ),
    { numRuns: 25 },
  );
});
