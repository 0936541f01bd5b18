// The hidden states of the calibration windows on their way through the blocks: a list of batches, so that no tensor and
// no activation inside a block is larger than one batch, however many windows there are.

import type { Backend } from '../backend/backend.js';
import type { Graph, Pass, Weights } from '../models/graph.js';
import { Workspace } from '../models/workspace.js';
import { safePoint } from '../progress.js';
import type { Tensor } from '../tensor/tensor.js';

/** Tokens that go through a block together. */
const BATCH_TOKENS = 2048;

/** For each batch, [sequences·T, hidden_size]. */
export type HiddenStates = readonly Tensor<'f32'>[];

/** An input of a block's layers, and the residual stream that their output joins, where it joins one. */
export interface BlockInput {
  x: Tensor<'f32'>;
  residual: Tensor<'f32'> | null;
}

export class BlockStream {
  /** Token ids of each batch. */
  readonly #batches: Int32Array[] = [];
  readonly #workspace: Workspace;
  readonly #tables: Weights;
  readonly seqLen: number;

  /** @param windows token ids, all of one length */
  constructor(
    readonly graph: Graph,
    readonly backend: Backend,
    readonly windows: readonly ArrayLike<number>[],
  ) {
    this.seqLen = windows[0].length;
    this.#workspace = new Workspace(backend);
    this.#tables = graph.positions(backend, this.seqLen, this.seqLen);
    const perBatch = Math.max(1, Math.floor(BATCH_TOKENS / this.seqLen));
    for (let i = 0; i < windows.length; i += perBatch)
      this.#batches.push(Int32Array.from(windows.slice(i, i + perBatch).flatMap((w) => Array.from(w))));
  }

  /** Bytes of one set of hidden states. */
  get stateBytes(): number {
    return this.windows.length * this.seqLen * this.graph.config.hidden_size * 4;
  }

  /** New hidden states of undefined content. */
  allocate(): HiddenStates {
    return this.#batches.map((ids) => this.backend.allocate('f32', [ids.length, this.graph.config.hidden_size]));
  }

  free(states: HiddenStates): void {
    for (const x of states) this.backend.free(x);
  }

  /** The states that enter block 0: the embeddings. */
  embed(outer: Weights): HiddenStates {
    const states = this.allocate();
    for (const [i, ids] of this.#batches.entries()) {
      const tensor = this.#workspace.take('ids', 'i32', [ids.length]);
      this.backend.write(tensor, ids);
      this.graph.embed(this.#pass(ids.length), outer, tensor, states[i]);
    }
    return states;
  }

  /** One block over all windows; `to` may be `from`, or null where only the observer's view is wanted. */
  async run(
    block: number,
    weights: Weights,
    from: HiddenStates,
    to: HiddenStates | null,
    observe?: Pass['observe'],
    signal?: AbortSignal,
  ): Promise<void> {
    for (const [i, x] of from.entries()) {
      this.graph.block({ ...this.#pass(x.rowCount), observe }, block, weights, x, to?.[i] ?? null);
      await safePoint(signal);
    }
  }

  /** One batch through a block up to one of its inputs: that input, valid until the next pass, and the stream it joins. */
  input(block: number, weights: Weights, x: Tensor<'f32'>, input: string): BlockInput {
    let seen: BlockInput | undefined;
    const observe: Pass['observe'] = (name, inputs, residual) => {
      if (name === input) seen = { x: inputs, residual };
    };
    this.graph.block({ ...this.#pass(x.rowCount), observe, until: input }, block, weights, x, null);
    return seen as BlockInput;
  }

  /** Log-probabilities of every token but the first of each window, from the states after the last block. */
  async logProbabilities(outer: Weights, states: HiddenStates, signal?: AbortSignal): Promise<Float32Array> {
    const { seqLen: T } = this;
    const all = new Float32Array(this.windows.length * (T - 1));
    const logits = this.#workspace.take('logits', 'f32', [T, this.graph.config.vocab_size]);
    const result = this.#workspace.take('log-probabilities', 'f32', [T - 1]);
    const targets = this.#workspace.take('targets', 'i32', [T - 1]);
    let at = 0;
    for (const [i, ids] of this.#batches.entries())
      for (let t = 0; t < ids.length; t += T, at += T - 1) {
        this.backend.write(targets, ids.slice(t + 1, t + T));
        this.graph.logits(this.#pass(T), outer, logits, states[i].rows(t, t + T));
        this.backend.logProbabilities(result, logits.rows(0, T - 1), targets);
        all.set(await this.backend.read(result), at);
        await safePoint(signal);
      }
    return all;
  }

  dispose(): void {
    this.#workspace.free();
    for (const table of this.#tables.values()) this.backend.free(table);
  }

  #pass(tokens: number): Pass {
    return {
      backend: this.backend,
      workspace: this.#workspace,
      tables: this.#tables,
      sequences: tokens / this.seqLen,
      queries: this.seqLen,
      start: 0,
    };
  }
}
