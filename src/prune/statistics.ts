// The activation statistics of §3 of the algorithms page, over the calibration tokens: the squared norm of every input of
// every linear layer and, where a method wants them, its Gram matrix and its moments. An observer of forward passes;
// layers that share an input share its numbers.

import type { Backend } from '../backend/backend.js';
import { CheckpointError } from '../errors.js';
import type { LinearLayer } from '../models/graph.js';
import type { Tensor } from '../tensor/tensor.js';

/** What is kept beside squared norms. */
export interface StatisticsNeeds {
  /** XᵀX. */
  gram?: boolean;
  /** Mean and variance. */
  moments?: boolean;
}

/** Of each column of an input. */
export interface Moments {
  /** μ: its sum over a sequence, on average over the sequences. */
  mean: Float64Array;
  /** Its variance within a sequence, on average over the sequences. */
  variance: Float64Array;
}

/** What is known of one input after all sequences. */
export interface InputSummary {
  /** N. */
  sequences: number;
  /** a = √((1/N) Σ x²) of each column, in f32. */
  activations: Float32Array;
  /** XᵀX [columns, columns]; null where it was not asked for. */
  gram: Tensor<'f64'> | null;
  moments: Moments | null;
}

/** a of each input of a block, by the input's name. */
export type Activations = ReadonlyMap<string, Float32Array>;

interface Sums {
  columns: number;
  squares: Tensor<'f64'>;
  gram: Tensor<'f64'> | null;
  /** Sums over each sequence, [sequences, columns]. */
  sums: Tensor<'f64'> | null;
  /** Sequences seen. */
  seen: number;
}

export class InputStatistics {
  readonly #inputs = new Map<string, Sums>();

  /** For `sequences` sequences of `seqLen` tokens, in any number of batches. */
  constructor(
    readonly backend: Backend,
    layers: readonly Pick<LinearLayer, 'input' | 'columns'>[],
    readonly sequences: number,
    readonly seqLen: number,
    { gram = false, moments = false }: StatisticsNeeds = {},
  ) {
    for (const { input, columns } of layers)
      if (!this.#inputs.has(input))
        this.#inputs.set(input, {
          columns,
          squares: backend.allocate('f64', [columns]),
          gram: gram ? backend.allocate('f64', [columns, columns]) : null,
          sums: moments ? backend.allocate('f64', [sequences, columns]) : null,
          seen: 0,
        });
    this.reset();
  }

  reset(): void {
    for (const tensor of this.#tensors()) this.backend.fill(tensor, 0);
    for (const input of this.#inputs.values()) input.seen = 0;
  }

  /** To be given to a pass. */
  readonly observe = (name: string, x: Tensor<'f32'>): void => {
    const input = this.#inputs.get(name) as Sums;
    this.backend.addColumnSquares(input.squares, x);
    if (input.gram) this.backend.addGram(input.gram, x);
    for (let t = 0; t < x.rowCount; t += this.seqLen, input.seen++)
      if (input.sums)
        this.backend.addColumnSums(input.sums.rows(input.seen, input.seen + 1), x.rows(t, t + this.seqLen));
  };

  /**
   * What is known of every input, by its name. Gram matrices are the statistics' own: valid until `reset`.
   * @throws CheckpointError where the forward pass overflowed: no score could rank anything then.
   */
  async summaries(): Promise<ReadonlyMap<string, InputSummary>> {
    const out = new Map<string, InputSummary>();
    // Asked for together: a GPU answers each of them only once it has come to the end of its work.
    const read = await Promise.all(
      [...this.#inputs].map(async ([name, { squares, gram, sums }]) => {
        const [totals, all] = await Promise.all([this.backend.read(squares), sums && this.backend.read(sums)]);
        return { name, gram, totals, sums: all };
      }),
    );
    for (const { name, gram, totals, sums } of read) {
      const activations = Float32Array.from(totals, (v) => Math.sqrt(v / this.sequences));
      checkFinite(name, activations);
      const moments = sums ? this.#moments(totals, sums) : null;
      out.set(name, { sequences: this.sequences, activations, gram, moments });
    }
    return out;
  }

  /** The activations alone. */
  async activations(): Promise<Activations> {
    return new Map([...(await this.summaries())].map(([name, { activations }]) => [name, activations]));
  }

  free(): void {
    for (const tensor of this.#tensors()) this.backend.free(tensor);
  }

  #moments(squares: Float64Array, sums: Float64Array): Moments {
    const n = squares.length;
    const mean = new Float64Array(n);
    const squaredMeans = new Float64Array(n);
    for (const [i, sum] of sums.entries()) {
      mean[i % n] += sum / this.sequences;
      squaredMeans[i % n] += (sum / this.seqLen) ** 2;
    }
    const variance = squares.map((total, c) => Math.max(0, (total / this.seqLen - squaredMeans[c]) / this.sequences));
    return { mean, variance };
  }

  #tensors(): Tensor[] {
    return [...this.#inputs.values()].flatMap(({ squares, gram, sums }) => [
      squares,
      ...(gram ? [gram] : []),
      ...(sums ? [sums] : []),
    ]);
  }
}

function checkFinite(name: string, activations: Float32Array): void {
  const bad = activations.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0)
    throw new CheckpointError({
      expected: 'finite activations',
      got: String(activations[bad]),
      where: `column ${bad} of the input of ${name}`,
    });
}
