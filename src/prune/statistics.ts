// The activation statistics of §3 of the algorithms page, over the calibration tokens: the squared norm of every input of
// every linear layer and, where a weight update wants it, the Gram matrix of its inputs. An observer of forward passes;
// layers that share an input share its numbers.

import type { Backend } from '../backend/backend.js';
import { CheckpointError } from '../errors.js';
import type { Graph } from '../models/graph.js';
import type { Tensor } from '../tensor/tensor.js';

export class InputStatistics {
  readonly #sums: ReadonlyMap<string, Tensor<'f64'>>;
  readonly #grams: ReadonlyMap<string, Tensor<'f32'>>;

  constructor(
    readonly backend: Backend,
    graph: Graph,
    { gram = false }: { gram?: boolean } = {},
  ) {
    const columnsOf = new Map(graph.linears.map(({ input, columns }) => [input, columns]));
    this.#sums = new Map([...columnsOf].map(([input, columns]) => [input, backend.allocate('f64', [columns])]));
    this.#grams = new Map(gram ? [...columnsOf].map(([input, n]) => [input, backend.allocate('f32', [n, n])]) : []);
    this.reset();
  }

  reset(): void {
    for (const tensor of this.#tensors()) this.backend.fill(tensor, 0);
  }

  /** To be given to a pass. */
  readonly observe = (input: string, x: Tensor<'f32'>): void => {
    this.backend.addColumnSquares(this.#sums.get(input) as Tensor<'f64'>, x);
    const gram = this.#grams.get(input);
    if (gram) this.backend.addGram(gram, x);
  };

  /** XᵀX [columns, columns] of an input, if it was asked for at the start. */
  gram(input: string): Tensor<'f32'> {
    return this.#grams.get(input) as Tensor<'f32'>;
  }

  /**
   * a = √((1/N) Σ x²) of each input after N = `sequences` sequences, in f32, by the name of the input.
   * @throws CheckpointError where the forward pass overflowed: no score could rank anything then.
   */
  async activations(sequences: number): Promise<Activations> {
    const out = new Map<string, Float32Array>();
    for (const [input, sum] of this.#sums) {
      const a = Float32Array.from(await this.backend.read(sum), (v) => Math.sqrt(v / sequences));
      const bad = a.findIndex((v) => !Number.isFinite(v));
      if (bad >= 0)
        throw new CheckpointError({
          expected: 'finite activations',
          got: String(a[bad]),
          where: `column ${bad} of the input of ${input}`,
        });
      out.set(input, a);
    }
    return out;
  }

  free(): void {
    for (const tensor of this.#tensors()) this.backend.free(tensor);
  }

  #tensors(): Tensor[] {
    return [...this.#sums.values(), ...this.#grams.values()];
  }
}

/** a of each input of a block, by the input's name. */
export type Activations = ReadonlyMap<string, Float32Array>;
