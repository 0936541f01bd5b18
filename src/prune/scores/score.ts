// A score ranks the weights inside a layer; the larger is kept. Every score here is |W| times a scale for each column
// (input), so that no score matrix is ever written: the selection kernel multiplies as it reads.

export interface Score {
  name: string;
  /** Whether it needs the activations of calibration texts. */
  needsActivations: boolean;
  /** Scale of each column from the activations a (√ of the mean squared norm of each input); null for 1 everywhere. */
  columnScale(activations: Float32Array): Float32Array | null;
}
