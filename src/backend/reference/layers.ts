// The layers of a model as the textbook writes them: one loop for each index of the formula, all in f64.

import { ColumnMatrix } from '../../tensor/column-matrix.js';
import { Int8Matrix } from '../../tensor/int8-matrix.js';
import { SparseMatrix } from '../../tensor/sparse-matrix.js';
import type { Backend } from '../backend.js';
import { checkEmbed, checkLayerNorm, checkLinear, checkLinears, checkRmsNorm, checkRope } from '../shapes.js';
import { rowsOf } from './columns.js';
import { entriesOf, roundTokens } from './int8.js';
import { denseOf } from './sparse.js';
import { elements } from './storage.js';

type Layers = Pick<Backend, 'linear' | 'linears' | 'embed' | 'rmsNorm' | 'layerNorm' | 'rope'>;

/** The layers of the reference backend, without attention and the elementwise ones. */
export const layers: Layers = {
  linear(y, x, weight, bias) {
    checkLinear(y, x, weight, bias);
    const [rows, columns] = [weight.rowCount, weight.columns];
    const int8 = weight instanceof Int8Matrix;
    const [result, input] = [elements(y), int8 ? roundTokens(x) : elements(x)];
    const byColumns = weight instanceof ColumnMatrix;
    const w = int8
      ? entriesOf(weight)
      : byColumns
        ? rowsOf(weight)
        : elements(weight instanceof SparseMatrix ? denseOf(weight) : weight);
    const b = bias === null ? null : elements(bias);
    for (let t = 0; t < x.rowCount; t++) {
      for (let r = 0; r < rows; r++) {
        let sum = 0;
        for (let c = 0; c < columns; c++) sum += input[t * columns + c] * w[r * columns + c];
        result[t * rows + r] = b === null ? sum : sum + b[r];
      }
    }
  },

  linears(x, given) {
    checkLinears(x, given);
    for (const { y, weight, bias } of given) layers.linear(y, x, weight, bias);
  },

  embed(y, ids, table) {
    checkEmbed(y, ids, table);
    const vectors = table instanceof Int8Matrix ? entriesOf(table) : elements(table);
    const [result, id, n] = [elements(y), elements(ids), table.columns];
    for (let t = 0; t < ids.size; t++) {
      for (let c = 0; c < n; c++) result[t * n + c] = vectors[id[t] * n + c];
    }
  },

  rmsNorm(y, x, weight, eps) {
    checkRmsNorm(y, x, weight, eps);
    const [result, input, n] = [elements(y), elements(x), x.columns];
    const w = weight === null ? null : elements(weight);
    for (let t = 0; t < x.rowCount; t++) {
      let squares = 0;
      for (let c = 0; c < n; c++) squares += input[t * n + c] ** 2;
      const root = Math.sqrt(squares / n + eps);
      for (let c = 0; c < n; c++) result[t * n + c] = (input[t * n + c] / root) * (w === null ? 1 : w[c]);
    }
  },

  layerNorm(y, x, weight, bias, eps) {
    checkLayerNorm(y, x, weight, bias, eps);
    const [result, input, n] = [elements(y), elements(x), x.columns];
    const [w, b] = [weight, bias].map((tensor) => (tensor === null ? null : elements(tensor)));
    for (let t = 0; t < x.rowCount; t++) {
      const row = input.slice(t * n, (t + 1) * n);
      const mean = row.reduce((sum, value) => sum + value, 0) / n;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
      for (let c = 0; c < n; c++) {
        const normal = (row[c] - mean) / Math.sqrt(variance + eps);
        result[t * n + c] = normal * (w === null ? 1 : w[c]) + (b === null ? 0 : b[c]);
      }
    }
  },

  rope(x, cos, sin, shape) {
    checkRope(x, cos, sin, shape);
    const { heads, headDim, rotaryDim, start, period } = shape;
    const [values, cosines, sines, half] = [elements(x), elements(cos), elements(sin), rotaryDim / 2];
    for (let r = 0; r < x.rowCount; r++) {
      const position = start + (r % period);
      for (let h = 0; h < heads; h++) {
        for (let i = 0; i < half; i++) {
          const at = (r * heads + h) * headDim + i;
          const [c, s] = [cosines[position * half + i], sines[position * half + i]];
          const [first, second] = [values[at], values[at + half]];
          values[at] = first * c - second * s;
          values[at + half] = second * c + first * s;
        }
      }
    }
  },
};
