// What an allocation may ask of a model, and what it answers: the interface for an allocation of one's own, and the one
// that the allocations here stand on which need no search.

/** A linear layer, the same in every block. */
export interface LayerShape {
  /** Name inside the block, without ".weight". */
  name: string;
  rows: number;
  columns: number;
}

export interface DenseModel {
  /** Share of the weights to remove, in [0, 1): what the shares should come to on average. */
  sparsity: number;
  blocks: number;
  layers: readonly LayerShape[];
  /** W[rows, columns] of a layer, row by row. */
  readWeight(block: number, layer: string): Promise<Float32Array>;
  /**
   * Block after block, a of every layer by its name: of each column, √ of the mean squared norm of that input over the
   * calibration windows (§3 of the algorithms page), in the dense model.
   */
  activations(): AsyncIterable<ReadonlyMap<string, Float32Array>>;
  /** Reports that `done` of the blocks have been looked at. */
  report(done: number, note: string): void;
  signal?: AbortSignal | undefined;
}

/** A share for each block, or for each layer of each block: one number, or one for each of its rows. */
export type Shares = readonly number[] | ((block: number, layer: string) => number | Float64Array);

export interface Allocator {
  readonly name: string;
  allocate(model: DenseModel): Allocated | Promise<Allocated>;
}

export interface Allocated {
  shares: Shares;
  /** What the shares were made from, for the run record. */
  evidence?: Readonly<Record<string, unknown>>;
}
