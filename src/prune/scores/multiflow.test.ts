// MULTIFLOW by hand: the flows through two neurons, and the weights that go, which are not Wanda's.

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../backend/reference/reference.js';
import { multiflow } from './multiflow.js';
import type { Score, ScoredLayer } from './score.js';
import { wanda } from './wanda.js';

const { fround } = Math;

/** A layer of W[rows, columns] that sees inputs of these activations. */
const layerOf = (weight: number[], activations: number[]): ScoredLayer => ({
  block: 0,
  name: 'layer',
  rows: weight.length / activations.length,
  columns: activations.length,
  activations: Float32Array.from(activations),
  readWeight: async () => Float32Array.from(weight),
});

describe('multiflow', () => {
  // Flows |W|·a: 2 2 8 and 8 1 0.
  const layer = layerOf([1, -2, 2, -4, 1, 0], [2, 1, 4]);

  it('has the mean flow of each output and of each input as factors', async () => {
    expect(await multiflow.score(layer)).toEqual({ row: Float32Array.of(4, 3), column: Float32Array.of(5, 1.5, 4) });
  });

  it('removes what its scores say', async () => {
    const backend = createReferenceBackend();
    const tensor = (values: ArrayLike<number>, ...shape: number[]) => {
      const t = backend.allocate('f32', shape);
      backend.write(t, Float32Array.from(values));
      return t;
    };
    const kept = async (score: Score, prune: number) => {
      const { row, column } = await score.score(layer);
      const weight = tensor(await layer.readWeight(), 2, 3);
      const factors = { of: null, row: row ? tensor(row, 2) : null, column: tensor(column!, 3) };
      backend.mask(weight, weight, factors, { kind: 'count', prune });
      return [...(await backend.read(weight))];
    };
    // |W|·row·column: 20 12 32 and 60 4.5 0.
    expect(await kept(multiflow, 2)).toEqual([1, -2, 2, -4, 0, 0]);
    expect(await kept(multiflow, 3)).toEqual([1, 0, 2, -4, 0, 0]);
    expect(await kept(multiflow, 5)).toEqual([0, 0, 0, -4, 0, 0]);
    expect(await kept(wanda, 3)).toEqual([0, -2, 2, -4, 0, 0]);
  });

  it('takes a flow in f32, its mean in f64, and the mean in f32', async () => {
    const [w, a] = [[0.1, 0.7, 0.3].map(fround), [1.1, 0.9, 1.7].map(fround)];
    const { row, column } = await multiflow.score(layerOf(w, a));
    const flows = w.map((v, c) => fround(v * a[c]));
    expect(row).toEqual(Float32Array.of((flows[0] + flows[1] + flows[2]) / 3));
    expect(column).toEqual(Float32Array.from(flows));
    // Neither the mean of exact products nor one of f32 sums is that number.
    expect(row![0]).not.toBe(fround((w[0] * a[0] + w[1] * a[1] + w[2] * a[2]) / 3));
    expect(row![0]).not.toBe(fround(fround(fround(flows[0] + flows[1]) + flows[2]) / 3));
  });
});
