// The final pass of a pruning run: block by block, each block's inputs coming from the already pruned blocks (§8.3 of the
// algorithms page), each block written as soon as it is done.

import type { OutputFolder } from '../checkpoint/output.js';
import type { Weights } from '../models/graph.js';
import { freeWeights, loadBlock, storedLayer, storedValues, tensorOf } from '../models/weights.js';
import { safePoint } from '../progress.js';
import { countZeros } from '../tensor/zeros.js';
import { type Allocation, meanTarget, type Target } from './allocation.js';
import type { PruneContext } from './context.js';
import { DenseTargets } from './dense-targets.js';
import { OneStream } from './one-stream.js';
import { prunerOf } from './plan-pruner.js';
import { type BlockTask, PrunedBlock, type PruningStream } from './pruned-block.js';
import type { LayerRecord } from './record.js';
import { BlockStream } from './stream.js';

/** Prunes and writes every block; the windows stay out of it where neither score nor update asks for them. */
export async function pruneBlocks(
  context: PruneContext,
  allocation: Allocation,
  output: OutputFolder,
): Promise<LayerRecord[]> {
  const { checkpoint, graph, backend, plan, signal, onProgress } = context;
  const total = graph.config.num_hidden_layers;
  const pruner = prunerOf(backend, plan, { search: false });
  const twin = new PrunedBlock(backend, graph, pruner);
  const blocks = pruner.needs && plan.targets !== 'dense' ? new BlockStream(graph, backend, context.windows) : null;
  const stream: PruningStream | null =
    plan.targets === 'dense' ? new DenseTargets(context, twin) : blocks && new OneStream(context, twin, blocks);
  const layers: LayerRecord[] = [];
  for (let block = 0; block < total; block++) {
    const dense = await loadBlock(checkpoint, graph, backend, block, signal);
    const task = { block, dense, targets: allocation[block] };
    const pruned = await (stream ? stream.prune(task) : twin.prune(task, null, signal));
    if (block + 1 < total) await stream?.advance(task, pruned);
    layers.push(...(await writeBlock(context, output, task, pruned)));
    freeWeights(backend, dense);
    onProgress?.({ phase: 'prune', done: block + 1, total });
  }
  stream?.free();
  blocks?.dispose();
  twin.free();
  return layers;
}

async function writeBlock(
  { checkpoint, graph, backend, signal }: PruneContext,
  output: OutputFolder,
  { block, targets }: BlockTask,
  pruned: Weights,
): Promise<LayerRecord[]> {
  const records: LayerRecord[] = [];
  for (const layer of graph.linears) {
    const { name, rows, columns } = layer;
    const values = await backend.read(tensorOf(pruned, `${name}.weight`));
    const stored = storedLayer(checkpoint, graph, block, name);
    await output.writeTensor(`${stored}.weight`, storedValues(values, layer));
    const target = meanTarget(targets.get(name) as Target);
    records.push({ name: stored, block, rows, cols: columns, target, zeros: countZeros(values) });
    await safePoint(signal);
  }
  return records;
}
