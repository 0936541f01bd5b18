// The suite itself: it accepts the reference, and it notices a backend that is wrong in a single small thing.

import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { createReferenceBackend } from '../../src/backend/reference/reference.js';
import { elements } from '../../src/backend/reference/storage.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { complaint, resultsOf } from './case.js';
import { cases } from './cases.js';

const reference = createReferenceBackend();

it('has no two cases of one name', () => {
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});

it('accepts the reference on views', async () => {
  for (const test of cases) {
    expect(await complaint(test, await resultsOf(test, reference, { placement: 'inside' })), test.name).toBeNull();
  }
}, 300_000);

describe('the suite notices', () => {
  /** One element more than `tensor` shows. */
  const beyond = ({ storage, dtype, size, offset }: Tensor) => elements(new Tensor(storage, dtype, [size + 1], offset));

  const reverseRows = (tensor: Tensor<'f32'>) => {
    const [all, n] = [elements(tensor), tensor.columns];
    const rows = Array.from({ length: tensor.rowCount }, (_, r) => all.slice(r * n, (r + 1) * n));
    for (const [r, row] of rows.reverse().entries()) all.set(row, r * n);
  };

  const faults: Record<string, Partial<Backend>> = {
    'linear, off by a ten-thousandth': {
      linear(y, x, weight, bias) {
        reference.linear(y, x, weight, bias);
        elements(y)[y.size - 1] *= 1.0001;
      },
    },
    'linear, writing beyond its result': {
      linear(y, x, weight, bias) {
        reference.linear(y, x, weight, bias);
        beyond(y)[y.size] = 0;
      },
    },
    'attention, seeing one key too few': {
      attention(y, q, k, v, shape) {
        const { sequences, queries, keys } = shape;
        if (sequences > 1 || keys === queries) reference.attention(y, q, k, v, shape);
        else reference.attention(y, q, k.rows(0, keys - 1), v.rows(0, keys - 1), { ...shape, keys: keys - 1 });
      },
    },
    'attention, seeing one key beyond its window': {
      attention(y, q, k, v, shape) {
        reference.attention(y, q, k, v, { ...shape, window: shape.window && shape.window + 1 });
      },
    },
    'attention, with a cap off by a thousandth': {
      attention(y, q, k, v, shape) {
        reference.attention(y, q, k, v, { ...shape, softcap: shape.softcap && shape.softcap * 1.001 });
      },
    },
    'layerNorm, with the variance of a sample': {
      layerNorm(y, x, weight, bias, eps) {
        const larger = reference.allocate('f32', x.shape);
        elements(larger).set(elements(x).map((value) => value * Math.sqrt((x.columns - 1) / x.columns)));
        reference.layerNorm(y, larger, weight, bias, eps);
      },
    },
    'rope, turning dimensions that stay': {
      rope(x, cos, sin, shape) {
        reference.rope(x, cos, sin, shape);
        if (shape.rotaryDim < shape.headDim) elements(x)[x.size - 1] *= -1;
      },
    },
    'activate, one gelu for the other': {
      activate(y, x, kind) {
        reference.activate(y, x, kind === 'gelu' ? 'gelu_tanh' : kind);
      },
    },
    'add, without its factor': {
      add(y, a, b) {
        reference.add(y, a, b);
      },
    },
    'addColumnSquares, in f32': {
      addColumnSquares(sums, x) {
        reference.addColumnSquares(sums, x);
        elements(sums).forEach((sum, i, all) => {
          all[i] = Math.fround(sum);
        });
      },
    },
    'addColumnSums, of absolute values': {
      addColumnSums(sums, x) {
        const sizes = reference.allocate('f32', x.shape);
        elements(sizes).set(elements(x).map(Math.abs));
        reference.addColumnSums(sums, sizes);
      },
    },
    'addGram, without the lower half of a block beside the diagonal': {
      addGram(gram, x) {
        const before = elements(gram)[gram.size - x.columns];
        reference.addGram(gram, x);
        if (x.columns > 64) elements(gram)[gram.size - x.columns] = before;
      },
    },
    'addCross, the other way round': {
      addCross(out, a, b) {
        if (a.columns === b.columns) reference.addCross(out, b, a);
        else reference.addCross(out, a, b);
      },
    },
    'admmScores, of operands rounded first': {
      admmScores(scores, x, u) {
        const [weight, dual] = [elements(x), elements(u)];
        elements(scores).forEach((_, i, all) => {
          all[i] = Math.fround(weight[i]) + Math.fround(dual[i]);
        });
      },
    },
    'admmScores, leaving out what is beyond whole units': {
      admmScores(scores, x, u) {
        reference.admmScores(scores, x, u);
        if (scores.size > 1024) elements(scores).fill(0, scores.size - (scores.size % 1024));
      },
    },
    'admmStep, with an u of f32': {
      admmStep(right, u, x, b, kept, rho) {
        reference.admmStep(right, u, x, b, kept, rho);
        elements(u).set(elements(u).map(Math.fround));
      },
    },
    'admmStep, off in its last element by a part in 10¹²': {
      admmStep(right, u, x, b, kept, rho) {
        reference.admmStep(right, u, x, b, kept, rho);
        elements(right)[right.size - 1] *= 1 + 1e-12;
      },
    },
    'admmStep, with the u that was': {
      admmStep(right, u, x, b, kept, rho) {
        const before = elements(u).slice();
        reference.admmStep(right, u, x, b, kept, rho);
        elements(right).forEach((value, i, all) => {
          all[i] = value + rho * (elements(u)[i] - before[i]);
        });
      },
    },
    'multiply, without the odd last column': {
      multiply(y, x, matrix) {
        reference.multiply(y, x, matrix);
        const [result, left, right, n] = [elements(y), elements(x), elements(matrix), x.columns];
        if (n % 2 === 0 || n === 1) return;
        result.forEach((_, i) => {
          const [r, c] = [Math.floor(i / y.columns), i % y.columns];
          result[i] -= left[r * n + n - 1] * right[c * n + n - 1];
        });
      },
    },
    'multiply, without the odd last row of x': {
      multiply(y, x, matrix) {
        reference.multiply(y, x, matrix);
        if (x.rowCount > 64 && x.rowCount % 2 === 1) elements(y).fill(0, y.size - y.columns);
      },
    },
    'multiply, without the first 512 columns': {
      multiply(y, x, matrix) {
        const depth = x.columns > 512 ? x.columns - 512 : x.columns;
        const last = (tensor: Tensor<'f64'>) => {
          const [all, n] = [elements(tensor), tensor.columns];
          const kept = reference.allocate('f64', [tensor.rowCount, depth]);
          elements(kept).set(all.filter((_, i) => i % n >= n - depth));
          return kept;
        };
        reference.multiply(y, last(x), last(matrix));
      },
    },
    'multiply, by the matrix as it stands where it is square': {
      multiply(y, x, matrix) {
        const [turned, n] = [reference.allocate('f64', matrix.shape), matrix.columns];
        elements(turned).set(elements(matrix).map((_, i, all) => all[(i % n) * n + Math.floor(i / n)]));
        reference.multiply(y, x, matrix.rowCount === n ? turned : matrix);
      },
    },
    'multiply, with sums of f32': {
      multiply(y, x, matrix) {
        reference.multiply(y, x, matrix);
        elements(y).set(elements(y).map(Math.fround));
      },
    },
    'multiply, off by a part in 10¹²': {
      multiply(y, x, matrix) {
        reference.multiply(y, x, matrix);
        elements(y)[y.size - 1] *= 1 + 1e-12;
      },
    },
    'mask, keeping other weights of equal score': {
      mask(out, weight, scores, selection) {
        const [result, w] = [elements(out), elements(weight)];
        const plain = scores.of === null && scores.column === null && scores.row === null;
        if (selection.kind !== 'row' || !plain || out === weight) return reference.mask(out, weight, scores, selection);
        const reversed = reference.allocate('f32', weight.shape);
        elements(reversed).set([...w].reverse());
        reference.mask(reversed, reversed, scores, selection);
        result.set([...elements(reversed)].reverse());
      },
    },
    'mask, keeping the lower column where it should go first': {
      mask(out, weight, scores, selection) {
        const ties = 'keep-lower';
        reference.mask(out, weight, scores, selection.kind === 'rows' ? { ...selection, ties } : selection);
      },
    },
    'mask, removing all that equals the last of a count': {
      mask(out, weight, scores, selection) {
        const layer = selection.kind === 'count' && selection.prune > 0;
        reference.mask(out, weight, scores, layer ? { kind: 'layer', rank: selection.prune - 1 } : selection);
      },
    },
    'mask, multiplying by the factors one after the other': {
      mask(out, weight, { of, column, row }, selection) {
        const scaled = reference.allocate('f32', weight.shape);
        const factors = row && elements(row);
        elements(scaled).set(
          elements(of ?? weight).map((v, i) => Math.fround(v * (factors?.[Math.floor(i / weight.columns)] ?? 1))),
        );
        reference.mask(out, weight, { of: scaled, column, row: null }, selection);
      },
    },
    'mask, leaving -0 where it removes': {
      mask(out, weight, scores, selection) {
        const signs = elements(weight).map(Math.sign);
        reference.mask(out, weight, scores, selection);
        elements(out).forEach((value, i, all) => {
          if (value === 0 && signs[i] < 0) all[i] = -0;
        });
      },
    },
    'invert, rounded to f32': {
      async invert(out, matrix, ridge, form, signal) {
        await reference.invert(out, matrix, ridge, form, signal);
        elements(out).set(elements(out).map(Math.fround));
      },
    },
    'invert, off in its last entry by a part in 10¹³': {
      async invert(out, matrix, ridge, form, signal) {
        await reference.invert(out, matrix, ridge, form, signal);
        elements(out)[out.size - 1] *= 1 + 1e-13;
      },
    },
    'invert, wrong where it is in place': {
      async invert(out, matrix, ridge, form, signal) {
        await reference.invert(out, matrix, out === matrix ? ridge + 1 : ridge, form, signal);
      },
    },
    'invert, with half its ridge': {
      invert(out, matrix, ridge, form, signal) {
        return reference.invert(out, matrix, ridge / 2, form, signal);
      },
    },
    'eliminateColumns, leaving the columns beyond the block': {
      eliminateColumns(weight, factor, from, to, selection) {
        const before = elements(weight).slice();
        reference.eliminateColumns(weight, factor, from, to, selection);
        elements(weight).forEach((_, i, all) => {
          if (i % weight.columns >= to) all[i] = before[i];
        });
      },
    },
    'eliminateColumns, of equal scores the last': {
      eliminateColumns(weight, factor, from, to, selection) {
        reverseRows(weight);
        reference.eliminateColumns(weight, factor, from, to, selection);
        reverseRows(weight);
      },
    },
  };

  for (const [name, fault] of Object.entries(faults)) {
    it(name, async () => {
      const faulty = { ...reference, ...fault };
      const [operation] = Object.keys(fault);
      let found: string | null = null;
      for (const test of cases.filter((c) => c.name.startsWith(operation)))
        found ??= await complaint(test, await resultsOf(test, faulty, { placement: 'inside' }));
      expect(found).not.toBeNull();
    });
  }
});
