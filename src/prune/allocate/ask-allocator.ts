// An allocator is asked: it sees the dense model through what it may ask, and what it answers is checked, since it may be
// anybody's.

import { UsageError } from '../../errors.js';
import { freeWeights, loadBlock, readWeight } from '../../models/weights.js';
import { type Allocation, allocate, type Target } from '../allocation.js';
import type { PruneContext } from '../context.js';
import type { Plan } from '../options.js';
import { InputStatistics } from '../statistics.js';
import { BlockStream } from '../stream.js';
import type { Allocator } from './allocator.js';

/**
 * Asks an allocator.
 * @throws UsageError where a share is none, or is not there
 */
export async function askAllocator(
  context: PruneContext,
  allocator: Allocator,
): Promise<{ allocation: Allocation; evidence: Readonly<Record<string, unknown>> | null }> {
  const { graph, checkpoint, plan, signal, onProgress } = context;
  const blocks = graph.config.num_hidden_layers;
  const { name } = allocator;
  const allocated = await allocator.allocate({
    sparsity: plan.sparsity,
    blocks,
    layers: graph.linears.map(({ name, rows, columns }) => ({ name, rows, columns })),
    readWeight(block, layer) {
      const known = graph.linears.find((l) => l.name === layer);
      if (!known)
        throw new UsageError(`expected a layer of ${graph.linears.map((l) => l.name).join(', ')}, got ${layer}`);
      return readWeight(checkpoint, graph, block, known, signal);
    },
    activations: () => denseActivations(context),
    report: (done, note) => onProgress?.({ phase: 'search', done, total: blocks, note }),
    signal,
  });
  const { shares, evidence = null } = allocated ?? {};
  if (typeof shares !== 'function' && !(Array.isArray(shares) && shares.length === blocks))
    throw new UsageError(
      `expected { shares: ${blocks} numbers or a function } from allocation ${name}, got shares ${described(shares)}`,
    );
  const allocation = allocate(graph, (block, layer) => {
    const share = typeof shares === 'function' ? shares(block, layer.name) : shares[block];
    return checked(share, layer.rows, plan, `allocation ${name}, ${layer.name} of block ${block}`);
  });
  return { allocation, evidence };
}

/** An allocator may be anybody's: what it answers is a share, or one for each row, if the method takes these. */
function checked(share: number | Float64Array, rows: number, plan: Plan, where: string): Target {
  if (typeof share !== 'number' && !(share instanceof Float64Array && share.length === rows))
    throw new UsageError(`expected a share or a Float64Array of ${rows}, got ${described(share)}, in ${where}`);
  const bad = (typeof share === 'number' ? [share] : share).find((s) => !(s >= 0 && s < 1));
  if (bad !== undefined) throw new UsageError(`expected shares in [0, 1), got ${bad}, in ${where}`);
  if (typeof share === 'number') return share;
  const byRow = (what: string, instead: string) =>
    new UsageError(`expected one share for all rows with ${what}, got one for each, in ${where}; use ${instead}`);
  if (plan.granularity === 'layer') throw byRow('granularity layer', 'granularity row');
  if (!plan.score && plan.method !== 'admm') throw byRow(`method ${plan.method}`, 'method admm');
  return share;
}

function described(value: unknown): string {
  if (ArrayBuffer.isView(value) || Array.isArray(value))
    return `${value.constructor.name} of ${(value as { length?: number }).length}`;
  return value === null ? 'null' : typeof value;
}

/** The dense model's activations over the calibration windows, one block in memory at a time. */
async function* denseActivations(context: PruneContext): AsyncGenerator<ReadonlyMap<string, Float32Array>> {
  const { graph, backend, checkpoint, outer, windows, signal, onProgress } = context;
  const total = graph.config.num_hidden_layers;
  const stream = new BlockStream(graph, backend, windows);
  const states = stream.embed(outer);
  const statistics = new InputStatistics(backend, graph.linears, windows.length, stream.seqLen);
  try {
    for (let block = 0; block < total; block++) {
      const weights = await loadBlock(checkpoint, graph, backend, block, signal);
      try {
        statistics.reset();
        await stream.run(block, weights, states, states, statistics.observe, signal);
      } finally {
        freeWeights(backend, weights);
      }
      const activations = await statistics.activations();
      onProgress?.({ phase: 'search', done: block + 1, total, note: 'dense activations' });
      yield new Map(graph.linears.map(({ name, input }) => [name, activations.get(input) as Float32Array]));
    }
  } finally {
    statistics.free();
    stream.free(states);
    stream.dispose();
  }
}
