// The oracle itself, against numbers worked out by hand. What it says of every other input follows from these and
// from its plainness; the other backends then follow from it.

import { describe, expect, it } from 'vitest';
import type { Activation, BlockSelection, InverseForm, Scores, Selection } from '../../src/backend/backend.js';
import { createReferenceBackend } from '../../src/backend/reference/reference.js';
import { BackendError } from '../../src/errors.js';
import { refusals } from './refusals.js';
import { Rig } from './rig.js';

const backend = createReferenceBackend();
const f32 = (shape: number[], ...values: number[]) => {
  const tensor = backend.allocate('f32', shape);
  backend.write(tensor, Float32Array.from(values));
  return tensor;
};
const f64 = (shape: number[], ...values: number[]) => {
  const tensor = backend.allocate('f64', shape);
  backend.write(tensor, Float64Array.from(values));
  return tensor;
};
const i32 = (...values: number[]) => {
  const tensor = backend.allocate('i32', [values.length]);
  backend.write(tensor, Int32Array.from(values));
  return tensor;
};

const plain = { scale: 1, window: null, softcap: null };

describe('the reference agrees with hand computation', () => {
  it('linear', async () => {
    const y = backend.allocate('f32', [2, 3]);
    const [x, weight] = [f32([2, 2], 1, 2, 3, 4), f32([3, 2], 1, 0, 0, 1, 1, -1)];
    backend.linear(y, x, weight, null);
    expect(await backend.read(y)).toEqual(Float32Array.of(1, 2, -1, 3, 4, -1));
    backend.linear(y, x, weight, f32([3], 10, 20, 30));
    expect(await backend.read(y)).toEqual(Float32Array.of(11, 22, 29, 13, 24, 29));
  });

  it('embed', async () => {
    const y = backend.allocate('f32', [3, 2]);
    backend.embed(y, i32(2, 0, 2), f32([3, 2], 1, 2, 3, 4, 5, 6));
    expect(await backend.read(y)).toEqual(Float32Array.of(5, 6, 1, 2, 5, 6));
  });

  it('rmsNorm', async () => {
    const x = f32([2, 2], 1, 7, 3, -1);
    backend.rmsNorm(x, x, f32([2], 10, 100), 0); // mean squares 25 and 5
    expect(await backend.read(x)).toBeAllClose([2, 140, 30 / Math.sqrt(5), -100 / Math.sqrt(5)]);
    const y = f32([1, 1], 4);
    backend.rmsNorm(y, y, f32([1], 1), 9); // 4 / √(16 + 9)
    expect(await backend.read(y)).toBeAllClose([0.8]);
    backend.rmsNorm(y, f32([1, 1], 4), null, 0);
    expect(await backend.read(y)).toBeAllClose([1]);
  });

  it('layerNorm', async () => {
    const x = f32([2, 2], 1, 7, 3, -1); // means 4 and 1, variances 9 and 4
    backend.layerNorm(x, x, f32([2], 10, 100), f32([2], 1, 2), 0);
    expect(await backend.read(x)).toBeAllClose([-9, 102, 11, -98]);
    const y = f32([1, 2], 1, 9);
    backend.layerNorm(y, y, null, null, 9); // ∓4 / √(16 + 9)
    expect(await backend.read(y)).toBeAllClose([-0.8, 0.8]);
  });

  it('rope', async () => {
    const [cos, sin] = [f32([3, 2], 9, 9, 0, 1, 0.6, 0), f32([3, 2], 9, 9, 1, 0, 0.8, -1)];
    const x = f32([3, 4], 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4);
    backend.rope(x, cos, sin, { heads: 1, headDim: 4, rotaryDim: 4, start: 1, period: 2 }); // positions 1, 2, 1
    expect(await backend.read(x)).toBeAllClose([-3, 2, 1, 4, 0.6 - 2.4, 4, 1.8 + 0.8, -2, -3, 2, 1, 4]);
    const y = f32([1, 6], 1, 2, 3, 4, 5, 6); // dimensions 0 and 1 of each head turn a quarter, 2 stays
    backend.rope(y, f32([1, 1], 0), f32([1, 1], 1), { heads: 2, headDim: 3, rotaryDim: 2, start: 0, period: 1 });
    expect(await backend.read(y)).toEqual(Float32Array.of(-2, 1, 3, -5, 4, 6));
  });

  it('attention', async () => {
    // Two query heads of width 1 on one key head; keys hold log 1, log 3, log 4, so that the weights are 1 : 3 : 4.
    const [y, q] = [backend.allocate('f32', [2, 2]), f32([2, 2], 1, 0, 1, 2)];
    const [k, v] = [f32([3, 1], 0, Math.log(3), Math.log(4)), f32([3, 1], 8, 16, 32)];
    const shape = { heads: 2, kvHeads: 1, headDim: 1, sequences: 1, queries: 2, keys: 3, ...plain };
    backend.attention(y, q, k, v, shape);
    const [first, equal] = [(8 + 3 * 16) / 4, (8 + 16) / 2]; // query 0 sees two keys
    const [last, squared] = [(8 + 3 * 16 + 4 * 32) / 8, (8 + 9 * 16 + 16 * 32) / 26]; // query 1 sees all
    expect(await backend.read(y)).toBeAllClose([first, equal, last, squared]);
    backend.attention(y, q, k, v, { ...shape, window: 2 }); // query 0 sees keys 0 and 1 as before, query 1 keys 1 and 2
    const [lastTwo, squaredTwo] = [(3 * 16 + 4 * 32) / 7, (9 * 16 + 16 * 32) / 25];
    expect(await backend.read(y)).toBeAllClose([first, equal, lastTwo, squaredTwo]);
    backend.attention(y, q, k, v, { ...shape, window: 1 });
    expect(await backend.read(y)).toBeAllClose([16, 16, 32, 32]);
  });

  it('attention with capped scores', async () => {
    // tanh(log √3) = (3 − 1)/(3 + 1) = ½: under the cap of 2·log 3, the score of cap·log √3 becomes log 3.
    const [y, cap] = [backend.allocate('f32', [1, 1]), 2 * Math.log(3)];
    const shape = { heads: 1, kvHeads: 1, headDim: 1, sequences: 1, queries: 1, keys: 2, ...plain, softcap: cap };
    backend.attention(y, f32([1, 1], (cap * Math.log(3)) / 2), f32([2, 1], 0, 1), f32([2, 1], 8, 16), shape);
    expect(await backend.read(y)).toBeAllClose([(8 + 3 * 16) / 4]);
  });

  it('attention of several sequences and grouped heads', async () => {
    // One key for each query: the output is the value of the key head.
    const y = backend.allocate('f32', [2, 4]);
    const shape = { heads: 4, kvHeads: 2, headDim: 1, sequences: 2, queries: 1, keys: 1, ...plain };
    backend.attention(y, f32([2, 4], 1, 2, 3, 4, 5, 6, 7, 8), f32([2, 2], 1, 2, 3, 4), f32([2, 2], 5, 6, 7, 8), shape);
    expect(await backend.read(y)).toEqual(Float32Array.of(5, 5, 6, 6, 7, 7, 8, 8));
  });

  it('activate', async () => {
    const activated = async (kind: Activation, ...values: number[]) => {
      const x = f32([values.length], ...values);
      backend.activate(x, x, kind);
      return backend.read(x);
    };
    expect(await activated('silu', 0, Math.log(3))).toBeAllClose([0, 0.75 * Math.log(3)]);
    expect(await activated('relu', -1, 0, 2)).toEqual(Float32Array.of(0, 0, 2));
    // Φ(1), Φ(2) and Φ(−1) of the tables of the normal distribution.
    expect(await activated('gelu', 1, 2, -1, 9)).toBeAllClose([0.8413447461, 2 * 0.9772498681, -0.1586552539, 9]);
    expect(await activated('gelu_tanh', 1, -2)).toBeAllClose([0.8411919906, -0.0454023059]);
    expect(await activated('quick_gelu', Math.log(3) / 1.702)).toBeAllClose([(0.75 * Math.log(3)) / 1.702]);
  });

  it('scale and softcap', async () => {
    const x = f32([2], 1, -3);
    backend.scale(x, x, -0.5);
    expect(await backend.read(x)).toEqual(Float32Array.of(-0.5, 1.5));
    const y = f32([2], Math.log(3), 1e9);
    backend.softcap(y, y, 2); // tanh(log √3) = 1/2
    expect(await backend.read(y)).toBeAllClose([1, 2]);
  });

  it('gate and add', async () => {
    const [y, gate, up] = [backend.allocate('f32', [3]), f32([3], 0, Math.log(3), -Math.log(4)), f32([3], 5, 4, 10)];
    backend.gate(y, gate, up, 'silu'); // sigmoids 1/2, 3/4, 1/5
    expect(await backend.read(y)).toBeAllClose([0, 3 * Math.log(3), -2 * Math.log(4)]);
    backend.add(y, up, f32([3], 1, -1, 0.5));
    expect(await backend.read(y)).toEqual(Float32Array.of(6, 3, 10.5));
    backend.add(y, up, f32([3], 1, -1, 0.5), -2);
    expect(await backend.read(y)).toEqual(Float32Array.of(3, 6, 9));
  });

  it('admmScores', async () => {
    // Halfway to the next number of f32, 2⁻³⁰ decides: rounded as f32s, x would be 1, and the sum too.
    const [scores, x] = [backend.allocate('f32', [3]), f64([3], 2, 1 + 2 ** -24, 1 + 2 ** -24)];
    backend.admmScores(scores, x, f64([3], -5, 2 ** -30, -(2 ** -30)));
    expect(await backend.read(scores)).toEqual(Float32Array.of(-3, 1 + 2 ** -23, 1));
    // Rounded at once, not only when it is read: both are 1 to a mask, and of equal scores the lower column goes.
    const out = f32([1, 2], 7, 9);
    backend.admmScores(scores.rows(0, 2), f64([2], 1 + 2 ** -40, 1), f64([2], 0, 0));
    const by = { of: scores.rows(0, 2).reshape(1, 2), column: null, row: null };
    backend.mask(out, out, by, { kind: 'row', prune: 1 });
    expect(await backend.read(out)).toEqual(Float32Array.of(0, 9));
  });

  it('admmStep', async () => {
    const [right, u] = [backend.allocate('f64', [4]), f64([4], 1, 1, -2, 0)];
    backend.admmStep(right, u, f64([4], 2, 4, 0.5, 3), f64([4], 10, 20, 30, 40), f32([4], 1, 0, 0, 1), 2);
    expect(await backend.read(u)).toEqual(Float64Array.of(0, 5, -1.5, 0));
    expect(await backend.read(right)).toEqual(Float64Array.of(16, 10, 33, 46));
  });

  it('addColumnSquares', async () => {
    const sums = backend.allocate('f64', [2]);
    backend.write(sums, Float64Array.of(0.5, 0));
    backend.addColumnSquares(sums, f32([2, 2], 1, 2, 3, 4));
    backend.addColumnSquares(sums, f32([1, 2], -1, 0));
    expect(await backend.read(sums)).toEqual(Float64Array.of(11.5, 20));
  });

  it('addColumnSums', async () => {
    const sums = backend.allocate('f64', [2]);
    backend.write(sums, Float64Array.of(0.5, 0));
    backend.addColumnSums(sums, f32([2, 2], 1, 2, 3, -4));
    backend.addColumnSums(sums, f32([1, 2], -1, 0));
    expect(await backend.read(sums)).toEqual(Float64Array.of(3.5, -2));
  });

  it('addGram', async () => {
    const gram = backend.allocate('f64', [2, 2]);
    backend.write(gram, Float64Array.of(0, 0, 0, 1));
    backend.addGram(gram, f32([2, 2], 1, 2, 3, 4));
    expect(await backend.read(gram)).toEqual(Float64Array.of(10, 14, 14, 21));
  });

  it('addCross', async () => {
    const out = backend.allocate('f64', [2, 3]);
    backend.write(out, Float64Array.of(0, 0, 0, 0, 0, 100));
    backend.addCross(out, f32([2, 2], 1, 2, 3, 4), f32([2, 3], 1, 0, -1, 0, 1, 2));
    expect(await backend.read(out)).toEqual(Float64Array.of(1, 3, 5, 2, 4, 106));
  });

  it('logProbabilities', async () => {
    const out = backend.allocate('f32', [2]);
    backend.logProbabilities(out, f32([2, 3], 0, Math.log(3), Math.log(4), 1e4, -1e4, 1e4), i32(1, 2));
    expect(await backend.read(out)).toBeAllClose([Math.log(3 / 8), -Math.log(2)]);
  });

  it('multiply', async () => {
    const y = backend.allocate('f64', [2, 3]);
    backend.multiply(y, f64([2, 2], 1, 2, 3, 4), f64([3, 2], 1, 0, 0, 1, 1, -1));
    expect(await backend.read(y)).toEqual(Float64Array.of(1, 2, -1, 3, 4, -1));
    backend.multiply(y.rows(0, 1), f64([1, 2], 1, 2 ** -40), f64([3, 2], 1, 1, 1, -1, 0, 1)); // what f32 does not hold
    expect(await backend.read(y.rows(0, 1))).toEqual(Float64Array.of(1 + 2 ** -40, 1 - 2 ** -40, 2 ** -40));
  });

  it('invert', async () => {
    const inverse = async (form: InverseForm) => {
      const out = backend.allocate('f64', [2, 2]);
      await backend.invert(out, f64([2, 2], 2, 1, 1, 1), 1, form); // of [3 1; 1 2], whose determinant is 5
      return backend.read(out);
    };
    expect(await inverse('whole')).toBeAllClose([2 / 5, -1 / 5, -1 / 5, 3 / 5], 1e-15, 0);
    expect(await inverse('factor')).toBeAllClose([Math.sqrt(2 / 5), -1 / Math.sqrt(10), 0, Math.SQRT1_2], 1e-15, 0);
  });

  it('invert of what is not positive definite', async () => {
    const out = backend.allocate('f64', [2, 2]);
    await expect(backend.invert(out, f64([2, 2], 1, 2, 2, 1), 0, 'whole')).rejects.toThrow(
      new BackendError({ expected: 'a positive definite matrix', got: 'pivot -3', where: 'row 1' }),
    );
  });

  it('fill and views', async () => {
    const x = f32([3, 2], 1, 2, 3, 4, 5, 6);
    backend.fill(x.rows(1, 2), 9);
    expect(await backend.read(x)).toEqual(Float32Array.of(1, 2, 9, 9, 5, 6));
  });
});

describe('the reference masks as written', () => {
  const masked = async (selection: Selection, by: Partial<Scores> | null, ...values: number[]) => {
    const out = backend.allocate('f32', [2, values.length / 2]);
    const scores = { of: null, column: null, row: null, ...by };
    backend.mask(out, f32([2, values.length / 2], ...values), scores, selection);
    return [...(await backend.read(out))];
  };

  it('row: of equal scores the lower column goes first', async () => {
    expect(await masked({ kind: 'row', prune: 2 }, null, 1, -1, 1, 2, 4, 3, -2, 1)).toEqual([0, 0, 1, 2, 4, 3, 0, 0]);
  });

  it('rows: of equal scores the lower column stays, or goes', async () => {
    const values = [1, -1, 1, 2, 4, 3, -3, 1];
    const rows = (ties: 'keep-lower' | 'prune-lower') => ({ kind: 'rows', keep: i32(2, 2), ties }) as const;
    expect(await masked(rows('keep-lower'), null, ...values)).toEqual([1, 0, 0, 2, 4, 3, 0, 0]);
    expect(await masked(rows('prune-lower'), null, ...values)).toEqual([0, 0, 1, 2, 4, 0, -3, 0]);
  });

  it('layer: all that equals the threshold goes', async () => {
    expect(await masked({ kind: 'layer', rank: 0 }, null, 1, -1, 1, 2, 4, 3, -2, 1)).toEqual([0, 0, 0, 2, 4, 3, -2, 0]);
    expect(await masked({ kind: 'layer', rank: 4 }, null, 1, -1, 1, 2, 4, 3, -2, 1)).toEqual([0, 0, 0, 0, 4, 3, 0, 0]);
  });

  it('count: no more than that goes, of equal scores the first', async () => {
    const values = [1, -1, 1, 2, 4, 3, -2, 1];
    expect(await masked({ kind: 'count', prune: 0 }, null, ...values)).toEqual(values);
    expect(await masked({ kind: 'count', prune: 2 }, null, ...values)).toEqual([0, 0, 1, 2, 4, 3, -2, 1]);
    expect(await masked({ kind: 'count', prune: 5 }, null, ...values)).toEqual([0, 0, 0, 0, 4, 3, -2, 0]);
    expect(await masked({ kind: 'count', prune: 8 }, null, ...values)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('n:m: groups stand alone', async () => {
    expect(await masked({ kind: 'n:m', n: 1, m: 2 }, null, 1, -1, 9, 8, 4, 3, 0, -0)).toEqual([
      0, -1, 9, 0, 4, 0, 0, -0,
    ]);
  });

  it('scores have factors by column and by row, and kept weights have not', async () => {
    const [column, row] = [f32([2], 4, 1), f32([2], 1, 9)];
    expect(await masked({ kind: 'row', prune: 1 }, { column }, 1, -2, -1, 8)).toEqual([1, 0, 0, 8]);
    expect(await masked({ kind: 'count', prune: 2 }, { row }, 2, 3, 1, 4)).toEqual([0, 0, 1, 4]);
    expect(await masked({ kind: 'count', prune: 1 }, { column, row }, 2, 5, -2, 1)).toEqual([2, 0, -2, 1]);
  });

  it('scores may be those of another matrix', async () => {
    const of = f32([2, 2], 1, -3, 2, 0);
    expect(await masked({ kind: 'row', prune: 1 }, { of }, 1, 1, 1, 1)).toEqual([0, 1, 1, 0]);
  });

  it('the factors are multiplied first', async () => {
    // 2⁻⁸⁰ · 2⁻⁸⁰ is 0 in f32, and so is the first score; 2⁶⁰ times one of them first, it would pass the second, 2⁻¹²⁰.
    const by = { column: f32([2], 2 ** -80, 1), row: f32([2], 2 ** -80, 1) };
    const values = [2 ** 60, 2 ** -40, 1, 1];
    expect(await masked({ kind: 'count', prune: 1 }, by, ...values)).toEqual([0, 2 ** -40, 1, 1]);
  });

  it('scores are f32: what differs only beyond is a tie', async () => {
    // 3 · (1 + 2⁻²³) and 1.5 · (2 + 2⁻²²) are one number; (1 + 2⁻²³)² rounds to 1 + 2⁻²².
    const above = 1 + 2 ** -23;
    const column = f32([2], above, 1);
    expect(await masked({ kind: 'row', prune: 1 }, { column }, above, 1 + 2 ** -22, 1, above)).toEqual([
      0,
      1 + 2 ** -22,
      0,
      above,
    ]);
  });
});

describe('the reference eliminates columns as written', () => {
  const eliminated = async (
    selection: BlockSelection,
    from: number,
    to: number,
    factor: number[],
    ...values: number[]
  ) => {
    const n = Math.sqrt(factor.length);
    const weight = f32([values.length / n, n], ...values);
    backend.eliminateColumns(weight, f32([n, n], ...factor), from, to, selection);
    return [...(await backend.read(weight))];
  };
  const ones = [1, 0, 0, 0, 1, 0, 0, 0, 1];

  it('what goes is made up for to its right, inside the block and beyond it', async () => {
    const factor = [1, 0.5, 2, 0, 2, 1, 0, 0, 4];
    // Scores 4/1 and 9/4: column 1 goes, its error is 3/2, and column 2 loses 3/2·1.
    expect(await eliminated({ kind: 'layer', rank: 0 }, 0, 2, factor, 2, 3, 5)).toEqual([2, 0, 3.5]);
    // Both go: error 2, then (3 − 2·0.5)/2 = 1; column 2 loses 2·2 + 1·1.
    expect(await eliminated({ kind: 'layer', rank: 1 }, 0, 2, factor, 2, 3, 7)).toEqual([0, 0, 2]);
    expect(await eliminated({ kind: 'count', prune: 1 }, 1, 3, factor, 2, 3, 5)).toEqual([2, 3, 0]);
  });

  it('layer takes all that equals the threshold, count the first of them', async () => {
    const weights = [1, 1, 3, 1, -1, 3];
    expect(await eliminated({ kind: 'layer', rank: 0 }, 0, 2, ones, ...weights)).toEqual([0, 0, 3, 0, 0, 3]);
    expect(await eliminated({ kind: 'count', prune: 3 }, 0, 2, ones, ...weights)).toEqual([0, 0, 3, 0, -1, 3]);
    expect(await eliminated({ kind: 'count', prune: 0 }, 0, 2, ones, ...weights)).toEqual(weights);
  });

  it('n:m looks at the weights as they are when their group is reached', async () => {
    // Column 0 goes and column 2 gains 3: of 5 and 3, not of 2 and 3, the smaller one goes.
    const factor = [1, 0, -3, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    expect(await eliminated({ kind: 'n:m', n: 1, m: 2 }, 0, 4, factor, 1, 4, 2, 3)).toEqual([0, 4, 5, 0]);
    expect(await eliminated({ kind: 'n:m', n: 1, m: 2 }, 0, 4, factor, 4, -4, 2, 2)).toEqual([0, -4, 14, 0]);
  });
});

describe('the reference refuses', () => {
  for (const { message, call } of refusals) {
    it(`with: ${message}`, async () => {
      const attempt = (async () => call(new Rig(backend, 1)))();
      await expect(attempt).rejects.toThrow(BackendError);
      await expect(attempt).rejects.toThrow(message);
    });
  }

  it('freed memory', () => {
    const tensor = f32([2], 1, 2);
    backend.free(tensor);
    expect(() => backend.fill(tensor, 0)).toThrow('expected a live f32 tensor of the reference backend, got another');
  });
});
