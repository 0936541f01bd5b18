// Weight update by ADMM on a fixed mask (Boža, arXiv 2401.02938; §13 of the algorithms page): the kept weights are fitted
// so that the layer's outputs on its own inputs stay what they were. Linear algebra only: one Gram matrix, one inverse,
// twenty products.

import type { Backend } from '../../backend/backend.js';
import type { Tensor } from '../../tensor/tensor.js';
import { inversePositiveDefinite } from './inverse.js';

const ITERATIONS = 20;
const DAMPING = 0.1;
const RHO = 1;

/**
 * Fits weights to a mask and writes them over `masked`.
 * @param dense W[rows, columns] before pruning
 * @param masked the same with pruned entries 0: they stay 0, and no kept entry becomes one
 * @param gram XᵀX [columns, columns] of the layer's inputs, in any scale
 */
export async function admm(
  backend: Backend,
  dense: Tensor<'f32'>,
  masked: Tensor<'f32'>,
  gram: Tensor<'f32'>,
): Promise<void> {
  const [rows, columns] = dense.shape;
  const kept = await backend.read(masked);
  const { norms, normalised, damping } = normalise(await backend.read(gram), columns);

  const scratch = {
    inverse: backend.allocate('f32', [columns, columns]),
    scaled: backend.allocate('f32', [columns, columns]),
    left: backend.allocate('f32', [rows, columns]),
    product: backend.allocate('f32', [rows, columns]),
  };
  /** values · matrix, for a symmetric matrix. */
  const times = async (values: Float32Array, matrix: Tensor<'f32'>) => {
    backend.write(scratch.left, values);
    backend.linear(scratch.product, scratch.left, matrix, null);
    return backend.read(scratch.product);
  };
  try {
    const regular = normalised.slice();
    for (let c = 0; c < columns; c++) regular[c * columns + c] += damping + RHO;
    backend.write(scratch.inverse, Float32Array.from(inversePositiveDefinite(regular, columns)));
    backend.write(scratch.scaled, Float32Array.from(normalised));

    // V: columns scaled to unit norm of their inputs; B = V·G + damping·V is the right-hand side of every step.
    const v = (await backend.read(dense)).map((w, i) => w * norms[i % columns]);
    const b = (await times(v, scratch.scaled)).map((value, i) => value + damping * v[i]);
    let x: Float32Array = v;
    const u = new Float32Array(v.length);
    const right = new Float32Array(v.length);
    for (let t = 0; t < ITERATIONS; t++) {
      for (let i = 0; i < v.length; i++) {
        const z = kept[i] === 0 ? 0 : x[i] + u[i];
        u[i] += x[i] - z;
        right[i] = b[i] + RHO * (z - u[i]);
      }
      x = await times(right, scratch.inverse);
    }
    backend.write(
      masked,
      kept.map((k, i) => (k === 0 ? 0 : (x[i] + u[i]) / norms[i % columns])),
    );
  } finally {
    for (const tensor of Object.values(scratch)) backend.free(tensor);
  }
}

/** n_c = √G_cc + 1e-8, G with rows and columns divided by it, and the damping: a tenth of its mean diagonal. */
function normalise(gram: Float32Array, columns: number) {
  const norms = Float64Array.from({ length: columns }, (_, c) => Math.sqrt(gram[c * columns + c]) + 1e-8);
  const normalised = Float64Array.from(gram, (g, i) => g / norms[Math.floor(i / columns)] / norms[i % columns]);
  let trace = 0;
  for (let c = 0; c < columns; c++) trace += normalised[c * columns + c];
  return { norms, normalised, damping: (DAMPING * trace) / columns };
}
