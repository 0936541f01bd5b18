// Weights of int8 in the wasm backend: tokens become int16, then everything is a product of whole numbers
// (assembly/quantizeTokens.ts, int8Linear.ts).

import type { Int8Matrix } from '../../tensor/int8-matrix.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { LayerOf } from '../backend.js';
import { rowsOfUnit } from './row-blocks.js';
import type { KernelRunner } from './runner.js';
import { LINEAR_TOKENS, TOKEN_HEAD } from './units.js';

/** Multiply-adds of f32 that take as long as one of these. */
const WORK = 0.5;

/** y[T, rows] = x[T, columns] · weightᵀ (+ bias[rows]) of each layer. */
export function int8Linear(runner: KernelRunner, x: Tensor<'f32'>, layers: readonly LayerOf<Int8Matrix>[]): void {
  const { rowCount: count, columns } = x;
  const bytes = TOKEN_HEAD + 2 * 8 * Math.ceil(columns / 8);
  const tokens = runner.allocate('i8', [count, bytes], 'tokens of int16');
  try {
    runner.run('quantizeTokens', count, 4 * columns, tokens, [x, tokens, columns]);
    for (const { y, weight, bias } of layers) {
      const { values, scale, rowCount: rows } = weight;
      const height = rowsOfUnit(rows, columns, 4, count, runner.threads);
      const units = Math.ceil(rows / height) * Math.ceil(count / LINEAR_TOKENS);
      const work = WORK * height * Math.min(count, LINEAR_TOKENS) * columns;
      runner.run('int8Linear', units, work, y, [tokens, values, scale, bias, y, columns, rows, count, height]);
    }
  } finally {
    runner.free(tokens);
  }
}
