// The final pass of a pruning run: block by block, each block's inputs coming from the already pruned blocks (§8.3 of the
// algorithms page), each block written as soon as it is done.

import type { OutputFolder } from '../checkpoint/output.js';
import type { Weights } from '../models/graph.js';
import { countZeros, freeWeights, loadBlock, storedLayer, storedValues, tensorOf } from '../models/weights.js';
import { safePoint } from '../progress.js';
import { type Allocation, meanTarget, type Target } from './allocation.js';
import type { PruneContext } from './context.js';
import { MaskedBlock } from './masked-block.js';
import type { Plan } from './options.js';
import type { LayerRecord } from './record.js';
import { InputStatistics } from './statistics.js';
import { BlockStream } from './stream.js';
import { AdmmInput, admm } from './updates/admm.js';

/** Scores, masks, updates and writes every block; the windows stay out of it where neither score nor update asks for them. */
export async function pruneBlocks(
  context: PruneContext,
  plan: Plan,
  allocation: Allocation,
  windows: readonly ArrayLike<number>[],
  output: OutputFolder,
): Promise<LayerRecord[]> {
  const { checkpoint, graph, backend, outer, score, signal, onProgress } = context;
  const total = graph.config.num_hidden_layers;
  const stream = score.needsActivations || plan.update !== 'none' ? new BlockStream(graph, backend, windows) : null;
  const states = stream?.embed(outer);
  const statistics = new InputStatistics(backend, graph, { gram: plan.update === 'admm' });
  const twin = new MaskedBlock(backend, graph, score);
  const layers: LayerRecord[] = [];
  for (let block = 0; block < total; block++) {
    const dense = await loadBlock(checkpoint, graph, backend, block, signal);
    statistics.reset();
    if (stream && states) await stream.run(block, dense, states, null, statistics.observe, signal);
    const activations = stream ? await statistics.activations(windows.length) : null;
    const masked = twin.mask(dense, activations, allocation[block], plan.policy);
    if (plan.update === 'admm') await updateBlock(context, statistics, dense, masked);
    if (stream && states && block + 1 < total) await stream.run(block, masked, states, states, undefined, signal);
    for (const layer of graph.linears) {
      const { name, rows, columns } = layer;
      const values = await backend.read(tensorOf(masked, `${name}.weight`));
      const stored = storedLayer(checkpoint, graph, block, name);
      await output.writeTensor(`${stored}.weight`, storedValues(values, layer));
      layers.push({
        name: stored,
        block,
        rows,
        cols: columns,
        target: meanTarget(allocation[block].get(name) as Target),
        zeros: countZeros(values),
      });
      await safePoint(signal);
    }
    freeWeights(backend, dense);
    onProgress?.({ phase: 'prune', done: block + 1, total });
  }
  return layers;
}

/** Fits the masked weights of every layer of a block; layers that share an input share its inverse. */
async function updateBlock(
  { graph, backend, signal }: PruneContext,
  statistics: InputStatistics,
  dense: Weights,
  masked: Weights,
): Promise<void> {
  for (const input of new Set(graph.linears.map((layer) => layer.input))) {
    const shared = await AdmmInput.of(backend, statistics.gram(input), signal);
    try {
      for (const { name } of graph.linears.filter((layer) => layer.input === input))
        await admm(shared, tensorOf(dense, `${name}.weight`), tensorOf(masked, `${name}.weight`), signal);
    } finally {
      shared.free();
    }
  }
}
