// A score ranks the weights inside a layer; the larger is kept. Most scores are |W| times something for each column
// (input) or row (output): they say just that, and the selection kernel multiplies as it reads, so that no matrix of
// scores is ever written. Any other score gives its matrix.

/** A linear layer as a score sees it: W[rows, columns] with the norms of its inputs. */
export interface ScoredLayer {
  block: number;
  /** Name inside the block, without ".weight". */
  name: string;
  rows: number;
  columns: number;
  /** a of each column, √ of the mean squared norm of that input (§3 of the algorithms page); null where not needed. */
  activations: Float32Array | null;
  /** W, row by row; a copy. */
  readWeight(): Promise<Float32Array>;
}

/** The score of entry (r, c) is |M| · row[r] · column[c], with M = `matrix`, or W where it is left out. */
export interface LayerScores {
  /** Factor of each column, ≥ 0. */
  column?: Float32Array | null;
  /** Factor of each row, ≥ 0. */
  row?: Float32Array | null;
  /** [rows, columns], row by row; its sign does not count. */
  matrix?: Float32Array | null;
}

export interface Score {
  readonly name: string;
  /** Whether it needs the activations of calibration texts. */
  readonly needsActivations: boolean;
  score(layer: ScoredLayer): LayerScores | Promise<LayerScores>;
}
