// Single layers with their inputs, and what SparseGPT and ADMM make of them, against the reference in f64
// (../shared/reference/layers): kept weights and the weights themselves, within what the reference allows.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { openBackend } from '../../src/backend/open.js';
import { openSafetensors, type TensorEntry } from '../../src/checkpoint/safetensors.js';
import type { LinearLayer } from '../../src/models/graph.js';
import { type PruneOptions, planOf } from '../../src/prune/options.js';
import { prunerOf } from '../../src/prune/plan-pruner.js';
import { InputStatistics } from '../../src/prune/statistics.js';
import { noShared, shared } from '../setup.js';

/** Windows that the inputs are from. */
const SEQUENCES = 3;

const methods: [name: string, options: Partial<PruneOptions>][] = [
  ['sparsegpt_60', { method: 'sparsegpt', sparsity: 0.6 }],
  ['sparsegpt_2_4', { method: 'sparsegpt', pattern: '2:4' }],
  ['admm_70', { method: 'admm', sparsity: 0.7 }],
  ['admm_2_4', { method: 'admm', pattern: '2:4' }],
  ['wanda_70_update', { method: 'wanda', update: 'admm', sparsity: 0.7 }],
];

let backend: Backend;
beforeAll(async () => {
  backend = await openBackend({ threads: 2 });
});
afterAll(() => backend.dispose());

describe.skipIf(noShared).each(['embedded-1-self_attn.q_proj', 'embedded-4-mlp.down_proj', 'stories-opt-2-fc1'])(
  '%s',
  (name) => {
    let file: Awaited<ReturnType<typeof openSafetensors>>;
    beforeAll(async () => {
      file = await openSafetensors(join(shared, 'reference/layers', `${name}.safetensors`));
    });
    afterAll(() => file.close());

    it.each(methods)('%s', async (method, options) => {
      const [w, x, expected] = await Promise.all(['W', 'X', method].map((part) => file.readFloats(part)));
      const [rows, columns] = (file.tensors.get('W') as TensorEntry).shape;
      const tensor = (values: Float32Array, ...shape: number[]) => {
        const t = backend.allocate('f32', shape);
        backend.write(t, values);
        return t;
      };
      const inputs = tensor(x, x.length / columns, columns);
      const layer = { name: 'layer', input: 'layer', rows, columns, half: 'mlp' } as LinearLayer;
      const plan = planOf({
        topUp: 'uniform',
        targets: 'own',
        ...(method.startsWith('sparse') ? { targets: undefined } : {}),
        ...options,
      });
      const pruner = prunerOf(backend, plan, { search: false });
      const seqLen = inputs.rowCount / SEQUENCES;
      const statistics = new InputStatistics(backend, [layer], SEQUENCES, seqLen, pruner.needs ?? {});
      statistics.observe('layer', inputs);
      const summary = (await statistics.summaries()).get('layer') ?? null;
      const [dense, out] = [tensor(w, rows, columns), backend.allocate('f32', [rows, columns])];
      const task = { layer, dense, out, target: plan.sparsity, correlation: null };
      await pruner.prune({ block: 0, summary, tasks: [task] });
      const got = await backend.read(out);
      const norm = (v: Float32Array) => Math.sqrt(v.reduce((sum, e) => sum + e * e, 0));
      const kept = got.filter((v, i) => (v === 0) === (expected[i] === 0)).length;
      expect(kept / got.length).toBeGreaterThanOrEqual(0.999);
      expect(norm(got.map((v, i) => v - expected[i])) / norm(expected)).toBeLessThan(1e-3);
      expect(await backend.read(dense)).toEqual(w);
    });
  },
);
