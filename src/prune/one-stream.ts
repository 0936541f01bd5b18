// One stream of hidden states through the blocks: a block is pruned by what its dense weights see on the inputs that the
// pruned blocks before it give, and weights that are fitted keep the outputs of their own layer there.

import type { Weights } from '../models/graph.js';
import type { PruneContext } from './context.js';
import type { BlockTask, PrunedBlock, PruningStream } from './pruned-block.js';
import { InputStatistics } from './statistics.js';
import type { BlockStream, HiddenStates } from './stream.js';

export class OneStream implements PruningStream {
  readonly states: HiddenStates;
  /** Null where the pruner asks for none. */
  readonly #statistics: InputStatistics | null;

  constructor(
    readonly context: PruneContext,
    readonly twin: PrunedBlock,
    readonly stream: BlockStream,
  ) {
    const { graph, backend, outer } = context;
    const { needs } = twin.pruner;
    this.states = stream.embed(outer);
    this.#statistics =
      needs && new InputStatistics(backend, graph.linears, stream.windows.length, stream.seqLen, needs);
  }

  async prune(task: BlockTask): Promise<Weights> {
    const { signal } = this.context;
    if (!this.#statistics) return this.twin.prune(task, null, signal);
    this.#statistics.reset();
    await this.stream.run(task.block, task.dense, this.states, null, this.#statistics.observe, signal);
    return this.twin.prune(task, await this.#statistics.summaries(), signal);
  }

  advance({ block }: BlockTask, pruned: Weights): Promise<void> {
    return this.stream.run(block, pruned, this.states, this.states, undefined, this.context.signal);
  }

  free(): void {
    this.stream.free(this.states);
    this.#statistics?.free();
  }
}
