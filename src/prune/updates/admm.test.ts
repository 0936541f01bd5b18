// The weight update, held against single layers that the reference solved in f64, and against what it promises: nothing
// pruned comes back, and the layer's outputs come closer to the dense ones than with the mask alone.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noShared, shared } from '../../../test/setup.js';
import type { Backend } from '../../backend/backend.js';
import { createWasmBackend } from '../../backend/wasm/wasm.js';
import { openSafetensors, type TensorEntry } from '../../checkpoint/safetensors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { AdmmInput, admm } from './admm.js';

let backend: Backend;
beforeAll(async () => {
  backend = await createWasmBackend({ deterministic: true });
});
afterAll(() => backend.dispose());

function tensor(values: Float32Array, ...shape: number[]): Tensor<'f32'> {
  const t = backend.allocate('f32', shape);
  backend.write(t, values);
  return t;
}

/** The layer after the update of its mask, and the relative error of its outputs for any weights. */
async function update(w: Float32Array, x: Float32Array, mask: Float32Array, rows: number, columns: number) {
  const tokens = x.length / columns;
  const [dense, masked, inputs] = [tensor(w, rows, columns), tensor(mask, rows, columns), tensor(x, tokens, columns)];
  const gram = backend.allocate('f32', [columns, columns]);
  backend.fill(gram, 0);
  backend.addGram(gram, inputs);
  const input = await AdmmInput.of(backend, gram);
  await admm(input, dense, masked);
  input.free();
  const outputs = async (weights: Tensor<'f32'>) => {
    const y = backend.allocate('f32', [tokens, rows]);
    backend.linear(y, inputs, weights, null);
    return backend.read(y);
  };
  const target = await outputs(dense);
  const norm = (v: Float32Array) => Math.sqrt(v.reduce((sum, e) => sum + e * e, 0));
  const error = async (weights: Float32Array) =>
    norm((await outputs(tensor(weights, rows, columns))).map((v, i) => v - target[i])) / norm(target);
  return { weights: await backend.read(masked), error };
}

it('with nothing pruned the weights stay what they are', async () => {
  const values = (n: number, f: (i: number) => number) => Float32Array.from({ length: n }, (_, i) => f(i));
  const w = values(4 * 6, (i) => Math.sin(i) + 2);
  const x = values(40 * 6, (i) => Math.cos(i * 1.7));
  const { weights } = await update(w, x, w, 4, 6);
  expect(weights).toBeAllClose(w, 1e-4, 1e-4);
});

describe.skipIf(noShared)('single layers of the reference', () => {
  it.each(['embedded-1-self_attn.q_proj', 'embedded-4-mlp.down_proj', 'stories-opt-2-fc1'])('%s', async (name) => {
    const file = await openSafetensors(join(shared, 'reference', 'layers', `${name}.safetensors`));
    const [w, x, expected] = await Promise.all(['W', 'X', 'wanda_70_update'].map((part) => file.readFloats(part)));
    const [rows, columns] = (file.tensors.get('W') as TensorEntry).shape;
    await file.close();
    const mask = w.map((v, i) => (expected[i] === 0 ? 0 : v));
    const { weights, error } = await update(w, x, mask, rows, columns);
    const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    expect(weights).toBeAllClose(expected, 1e-4 * largest, 1e-3);
    expect(weights.every((v, i) => mask[i] !== 0 || v === 0)).toBe(true);
    expect(await error(weights)).toBeLessThan(await error(mask));
  });
});
