// Layers of more weights than are fitted at a time: where all weights of a layer compete, they must compete together.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Backend } from '../../backend/backend.js';
import { openBackend } from '../../backend/open.js';
import type { LinearLayer } from '../../models/graph.js';
import type { MaskPolicy } from '../masks.js';
import { AdmmPruner } from './admm-pruner.js';

const [ROWS, COLUMNS] = [120_000, 9];

let backend: Backend;
beforeAll(async () => {
  backend = await openBackend({ threads: 1 });
});
afterAll(() => backend.dispose());

it.each<[MaskPolicy, remain: 'few' | 'two thirds']>([
  [{ kind: 'layer', rounding: 'exact' }, 'few'],
  [{ kind: 'row', rounding: 'exact' }, 'two thirds'],
])('%j prunes a third, and of the rows that weigh least %s remain', async (policy, remain) => {
  // The first half of the rows weighs a hundredth of the second one.
  const weight = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => {
    const row = Math.floor(i / COLUMNS);
    return (1 + ((row * 7 + i * 13) % 31)) * (row < ROWS / 2 ? 0.01 : 1);
  });
  const [dense, out] = [backend.allocate('f32', [ROWS, COLUMNS]), backend.allocate('f32', [ROWS, COLUMNS])];
  const gram = backend.allocate('f64', [COLUMNS, COLUMNS]);
  backend.write(dense, weight);
  const identity = Float64Array.from({ length: COLUMNS ** 2 }, (_, i) => Number(i % (COLUMNS + 1) === 0));
  backend.write(gram, identity);
  const layer = { name: 'fc', rows: ROWS, columns: COLUMNS } as LinearLayer;
  const summary = { sequences: 1, activations: new Float32Array(COLUMNS).fill(1), gram, moments: null };
  const tasks = [{ layer, dense, out, target: 1 / 3, correlation: null }];
  await new AdmmPruner(backend, policy).prune({ block: 0, summary, tasks });

  const got = await backend.read(out);
  const kept = (from: number, to: number) => got.subarray(from, to).reduce((n, v) => n + Number(v !== 0), 0);
  expect(kept(0, got.length)).toBe((got.length * 2) / 3);
  const light = kept(0, got.length / 2) / (got.length / 2);
  if (remain === 'few') expect(light).toBeLessThan(0.36);
  else expect(light).toBeCloseTo(2 / 3, 12);
  for (const tensor of [dense, out, gram]) backend.free(tensor);
});
