// The two orders in which DSnoT (§10 of the algorithms page) takes the columns of a row. Each is walked from both ends and only
// a few steps far, so only the ends are sorted.

/** An order of columns as far as it is walked: `first` from the front on, `last` from the back on, equally many. */
export interface Ends {
  first: number[];
  last: number[];
}

export class SwapOrders {
  readonly #keys: Float64Array;
  readonly #lists: Record<'all' | 'kept' | 'negative' | 'positive', Int32Array>;

  /**
   * @param columns of a row
   * @param count how far an order is walked from either end
   */
  constructor(
    readonly columns: number,
    readonly count: number,
  ) {
    const list = () => new Int32Array(columns);
    this.#keys = new Float64Array(columns);
    this.#lists = { all: list().map((_, c) => c), kept: list(), negative: list(), positive: list() };
  }

  /**
   * Regrow order: all columns by E/var, where E of kept ones counts as 0. Without variance, a pruned column comes first or last
   * of all (±∞) if it contributes; it and any kept one otherwise (0/0) after +∞, where PyTorch sorts what is no number.
   * @param contributions E of each column, f32
   */
  regrow(mask: Uint8Array, contributions: Float32Array, variance: Float32Array): Ends {
    for (let c = 0; c < this.columns; c++) {
      const quotient = Math.fround((mask[c] ? 0 : contributions[c]) / variance[c]);
      // The largest finite number stands in for +∞, so that < puts NaN after it.
      this.#keys[c] = quotient < Infinity ? quotient : quotient === Infinity ? Number.MAX_VALUE : Infinity;
    }
    const { all } = this.#lists;
    return { first: this.#smallest(all), last: this.#largest(all) };
  }

  /**
   * Prune order, as long as there are kept columns: those with E < 0 from the front and those with E > 0 from the back, both by
   * rising |W|·a. The places left between them hold one column, again and again: the kept one with the smallest |W|·a.
   */
  prune(mask: Uint8Array, contributions: Float32Array, weights: Float32Array, activations: Float32Array): Ends {
    const { kept, negative, positive } = this.#lists;
    const held = { kept: 0, negative: 0, positive: 0 };
    for (let c = 0; c < this.columns; c++) {
      if (!mask[c]) continue;
      this.#keys[c] = Math.fround(Math.abs(weights[c]) * activations[c]);
      kept[held.kept++] = c;
      if (contributions[c] < 0) negative[held.negative++] = c;
      else if (contributions[c] > 0) positive[held.positive++] = c;
    }
    const below = negative.subarray(0, held.negative);
    const above = positive.subarray(0, held.positive);
    const walk = (near: Int32Array, far: Int32Array): number[] => {
      const order = this.#smallest(near);
      if (order.length === this.count) return order;
      const between = Math.min(held.kept - near.length - far.length, this.count);
      const [least] = between > 0 ? this.#smallest(kept.subarray(0, held.kept)) : [];
      return [...order, ...new Array<number>(between).fill(least), ...this.#largest(far)].slice(0, this.count);
    };
    return { first: walk(below, above), last: walk(above, below) };
  }

  /** Of columns that rise: those with the smallest keys, rising; of equal keys the lower column first. */
  #smallest(columns: Int32Array): number[] {
    return this.#leading(columns, 1);
  }

  /** The same order from its other end. */
  #largest(columns: Int32Array): number[] {
    return this.#leading(columns, -1);
  }

  /** The `count` columns with the smallest direction·key, rising; of equal keys first what comes first in that direction. */
  #leading(columns: Int32Array, direction: 1 | -1): number[] {
    const found: number[] = [];
    const held: number[] = [];
    let last = Infinity;
    for (let n = columns.length, i = direction === 1 ? 0 : n - 1; n > 0; n--, i += direction) {
      const key = direction * this.#keys[columns[i]];
      if (held.length === this.count) {
        if (key >= last) continue;
        held.pop();
        found.pop();
      }
      let at = held.length;
      for (; at > 0 && key < held[at - 1]; at--) {
        held[at] = held[at - 1];
        found[at] = found[at - 1];
      }
      held[at] = key;
      found[at] = columns[i];
      last = held[held.length - 1];
    }
    return found;
  }
}
