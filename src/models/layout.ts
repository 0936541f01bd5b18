// Where a checkpoint does not hold a tensor the way the graph computes with it. A layout turns stored values into the
// graph's and back, so that layers are scored and masked as what they are, [outputs, inputs], and written as they came.

export interface Layout {
  /** Shape in the checkpoint of a tensor that the graph has in `shape`. */
  storedShape(shape: readonly number[]): readonly number[];
  /** Stored values as the graph wants them, in `shape`. May reuse the array. */
  load(values: Float32Array, shape: readonly number[]): Float32Array;
  /** The inverse of `load`. */
  store(values: Float32Array, shape: readonly number[]): Float32Array;
}

/** out[c][r] = values[r][c]. */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c];
  return out;
}

/** [inputs, outputs], as GPT-2's Conv1D has its weights; biases as they are. */
export const transposed: Layout = {
  storedShape: (shape) => [...shape].reverse(),
  load: (values, shape) => (shape.length === 2 ? transpose(values, shape[1], shape[0]) : values),
  store: (values, shape) => (shape.length === 2 ? transpose(values, shape[0], shape[1]) : values),
};

/**
 * A fused layer whose rows come head by head, each head with its part of q, then of k, then of v (GPT-NeoX). In the graph
 * all heads of q come first, then those of k, then those of v.
 */
export function headByHead(heads: number): Layout {
  const parts = 3;
  const reorder = (values: Float32Array, from: (head: number, part: number) => [read: number, write: number]) => {
    const size = values.length / (parts * heads);
    const out = new Float32Array(values.length);
    for (let head = 0; head < heads; head++)
      for (let part = 0; part < parts; part++) {
        const [read, write] = from(head, part);
        out.set(values.subarray(read * size, (read + 1) * size), write * size);
      }
    return out;
  };
  return {
    storedShape: (shape) => shape,
    load: (values) => reorder(values, (head, part) => [head * parts + part, part * heads + head]),
    store: (values) => reorder(values, (head, part) => [part * heads + head, head * parts + part]),
  };
}

/** A norm's weight stored as its distance from 1 (Gemma). Never written back: norms are not pruned. */
export const offsetByOne: Layout = {
  storedShape: (shape) => shape,
  load: (values) => values.map((v) => v + 1),
  store: (values) => values.map((v) => v - 1),
};
