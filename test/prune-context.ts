// A pruning run's context on a folder, for tests of what stands on one.

import type { Backend } from '../src/backend/backend.js';
import { openBackend } from '../src/backend/open.js';
import { openCheckpoint } from '../src/checkpoint/open-checkpoint.js';
import { graphOf } from '../src/models/families.js';
import { loadOuter } from '../src/models/weights.js';
import type { PruneContext } from '../src/prune/context.js';
import { type PruneOptions, planOf, pruneDefaults } from '../src/prune/options.js';
import { BlockStream } from '../src/prune/stream.js';

export type TestContext = PruneContext & { close(): Promise<void> };

/** Where everything is as a run would have it; the windows are those of the search too. Close it when done. */
export async function contextOf(
  folder: string,
  windows: number[][],
  options: Partial<PruneOptions> = {},
  backend?: Backend,
): Promise<TestContext> {
  const checkpoint = await openCheckpoint(folder);
  const graph = graphOf(checkpoint);
  const device = backend ?? (await openBackend({ threads: 1, deterministic: true }));
  const { signal, onProgress, exhaustive = false, searchMemory = pruneDefaults.searchMemory } = options;
  return {
    ...{ checkpoint, graph, backend: device, windows, exhaustive, searchMemory, signal, onProgress },
    outer: await loadOuter(checkpoint, graph, device),
    plan: planOf(options),
    searchStream: new BlockStream(graph, device, windows),
    async close() {
      await device.dispose();
      await checkpoint.close();
    },
  };
}
