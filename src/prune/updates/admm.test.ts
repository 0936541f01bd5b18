// ADMM by what it promises: with nothing pruned the weights stay, nothing pruned comes back, the outputs come closer to
// their targets than with the mask alone, and a mask that grows ends with the share that was asked for.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Backend } from '../../backend/backend.js';
import { createReferenceBackend } from '../../backend/reference/reference.js';
import { createWasmBackend } from '../../backend/wasm/create.js';
import type { Tensor } from '../../tensor/tensor.js';
import { AdmmInput, admm, type Kept } from './admm.js';

let wasm: Backend;
beforeAll(async () => {
  wasm = await createWasmBackend({ deterministic: true });
});
afterAll(() => wasm.dispose());

const ROWS = 5;
const COLUMNS = 12;
const TOKENS = 60;

/** Numbers of about the same size, none 0, correlated along the rows where `mixing` is not 0. */
function numbers(seed: number, rows: number, columns: number, mixing = 0): Float32Array {
  let state = seed;
  const draw = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state / 2 ** 32 - 0.5) * 4 + 1e-3;
  };
  const values = Float32Array.from({ length: rows * columns }, draw);
  return values.map((v, i) => (i % columns === 0 ? v : v + mixing * values[i - 1]));
}

function tensor(backend: Backend, values: Float32Array, columns: number): Tensor<'f32'> {
  const t = backend.allocate('f32', [values.length / columns, columns]);
  backend.write(t, values);
  return t;
}

/** The weights, and the distance of X·Wᵀ from targets Y for any weights. */
async function fit(
  backend: Backend,
  seed: number,
  kept: (w: Float32Array) => Kept | Float32Array,
  { own = true, rowsTogether = ROWS } = {},
) {
  const w = numbers(seed, ROWS, COLUMNS);
  const x = numbers(seed + 1, TOKENS, COLUMNS, 0.7);
  const inputs = tensor(backend, x, COLUMNS);
  const gram = backend.allocate('f64', [COLUMNS, COLUMNS]);
  backend.fill(gram, 0);
  backend.addGram(gram, inputs);
  const outputs = async (weights: Float32Array) => {
    const y = backend.allocate('f32', [TOKENS, ROWS]);
    backend.linear(y, inputs, tensor(backend, weights, COLUMNS), null);
    return backend.read(y);
  };
  // Targets of another model: W's outputs and something that the inputs explain in part.
  const target = (await outputs(w)).map((v, i) => (own ? v : v + 3 * x[Math.floor(i / ROWS) * COLUMNS + (i % ROWS)]));
  const correlation = backend.allocate('f64', [ROWS, COLUMNS]);
  backend.fill(correlation, 0);
  backend.addCross(correlation, tensor(backend, target, ROWS), inputs);
  const choice = kept(w);
  const out = backend.allocate('f32', [ROWS, COLUMNS]);
  const input = await AdmmInput.of(backend, gram);
  const task = {
    dense: tensor(backend, w, COLUMNS),
    out,
    correlation: own ? null : correlation,
    kept: choice instanceof Float32Array ? tensor(backend, choice, COLUMNS) : choice,
  };
  await admm(input, task, rowsTogether);
  input.free();
  const error = async (weights: Float32Array) =>
    Math.hypot(...(await outputs(weights)).map((v, i) => v - target[i])) / Math.hypot(...target);
  return { w, weights: await backend.read(out), error };
}

it('with nothing pruned the weights stay what they are', async () => {
  const { w, weights } = await fit(wasm, 1, (dense) => dense);
  expect(weights).toBeAllClose(w, 0, 2 ** -24);
});

it('fits the kept weights, to their own outputs or to others', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), fc.boolean(), async (seed, own) => {
      const masked = (w: Float32Array) => w.map((v, i) => ((i * 7 + seed) % 3 === 0 ? v : 0));
      const { w, weights, error } = await fit(wasm, seed, masked, { own });
      expect(weights.every((v, i) => masked(w)[i] !== 0 || v === 0)).toBe(true);
      expect(await error(weights)).toBeLessThan(await error(masked(w)));
    }),
    { numRuns: 30 },
  );
});

it('chooses a mask along the way', async () => {
  const shares: number[] = [];
  const halves =
    (backend: Backend): Kept =>
    (kept, scores, share) => {
      shares.push(share);
      backend.mask(kept, scores, { of: null, column: null, row: null }, { kind: 'row', prune: Math.floor(6 * share) });
    };
  const { weights, error } = await fit(wasm, 3, () => halves(wasm));
  for (let r = 0; r < ROWS; r++)
    expect(weights.subarray(r * COLUMNS, (r + 1) * COLUMNS).filter((v) => v === 0)).toHaveLength(6);
  // 1 − (1 − t/15)³ for t = 1 … 15; then it stays.
  expect(shares).toHaveLength(15);
  expect(shares[0]).toBeCloseTo(1 - (14 / 15) ** 3, 12);
  expect(shares[14]).toBe(1);
  const plain = createReferenceBackend();
  const again = await fit(plain, 3, () => halves(plain));
  expect(weights).toBeAllClose(again.weights, 1e-4, 1e-4);
  expect(await error(weights)).toBeLessThan(0.5);
});

it.each([true, false])('fits a few rows at a time as it fits all, targets own: %s', async (own) => {
  const keep = wasm.allocate('i32', [ROWS]);
  wasm.write(keep, Int32Array.of(1, 4, 6, 8, 11));
  const growing: Kept = (kept, scores, _, { from, to }) =>
    wasm.mask(
      kept,
      scores,
      { of: null, column: null, row: null },
      { kind: 'rows', keep: keep.rows(from, to), ties: 'keep-lower' },
    );
  const all = await fit(wasm, 9, () => growing, { own });
  const few = await fit(wasm, 9, () => growing, { own, rowsTogether: 2 });
  expect(few.weights).toBeAllClose(all.weights, 1e-30, 2 ** -22);
  const kept = [0, 1, 2, 3, 4].map(
    (r) => few.weights.subarray(r * COLUMNS, (r + 1) * COLUMNS).filter((v) => v !== 0).length,
  );
  expect(kept).toEqual([1, 4, 6, 8, 11]);
});
