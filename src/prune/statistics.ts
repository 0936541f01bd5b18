// The activation statistic of §3 of the algorithms page: the squared norm of every input of every linear layer over the
// calibration tokens. An observer of forward passes; layers that share an input share its numbers.

import type { Backend } from '../backend/backend.js';
import type { Graph } from '../models/graph.js';
import type { Tensor } from '../tensor/tensor.js';

export class InputStatistics {
  readonly #sums: ReadonlyMap<string, Tensor<'f64'>>;

  constructor(
    readonly backend: Backend,
    graph: Graph,
  ) {
    const columnsOf = new Map(graph.linears.map(({ input, columns }) => [input, columns]));
    this.#sums = new Map([...columnsOf].map(([input, columns]) => [input, backend.allocate('f64', [columns])]));
    this.reset();
  }

  reset(): void {
    for (const sum of this.#sums.values()) this.backend.fill(sum, 0);
  }

  /** To be given to a pass. */
  readonly observe = (input: string, x: Tensor<'f32'>): void => {
    this.backend.addColumnSquares(this.#sums.get(input) as Tensor<'f64'>, x);
  };

  /** a = √((1/N) Σ x²) of each input after N = `sequences` sequences, in f32, by the name of the input. */
  async activations(sequences: number): Promise<Activations> {
    const out = new Map<string, Float32Array>();
    for (const [input, sum] of this.#sums)
      out.set(
        input,
        Float32Array.from(await this.backend.read(sum), (v) => Math.sqrt(v / sequences)),
      );
    return out;
  }

  free(): void {
    for (const sum of this.#sums.values()) this.backend.free(sum);
  }
}

/** a of each input of a block, by the input's name. */
export type Activations = ReadonlyMap<string, Float32Array>;
