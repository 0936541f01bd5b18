// SparseGPT on one layer of 4096×4096 at 60 %, the Gram matrix given, beside the reference's torch code, the two in turn,
// two threads: random weights, inputs of 8192 random tokens. Needs Python with torch and the reference beside the checkout;
// without them only this project's own seconds are printed.
//
//   npm run bench -- sparsegpt        RUNS=3 npm run bench -- sparsegpt for a quicker look

import { spawnSync } from 'node:child_process';
import { createWasmBackend, SparseGptInput, sparsegpt } from '../dist/internals.js';
import { runs } from './contest/turns.mjs';
import { machine, median } from './machine.mjs';
import { findReference } from './peers/reference.mjs';

const n = 4096;
const reference = findReference();

const script = `
import sys, time, torch
sys.path.insert(0, ${JSON.stringify(reference.folder)})
import reference
torch.set_num_threads(2)
w, x = torch.randn(${n}, ${n}), torch.randn(${2 * n}, ${n})
h = 2 * x.T @ x
t = time.time()
reference.sparsegpt(w, h, 0.6)
print(time.time() - t)
`;

function theirs() {
  const { status, signal, stdout, stderr } = spawnSync('python3', ['-c', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`python3 ended with ${status ?? signal}: ${stderr.trim().split('\n').at(-1)}`);
  return Number(stdout);
}

/** Numbers of a normal distribution, near enough. */
const random = (length) =>
  Float32Array.from({ length }, () => (Math.random() + Math.random() + Math.random() - 1.5) * 2);

const backend = await createWasmBackend({ threads: 2 });
const [dense, out, x] = [n, n, 2 * n].map((rows) => backend.allocate('f32', [rows, n]));
const gram = backend.allocate('f64', [n, n]);
backend.write(dense, random(n * n));
backend.write(x, random(2 * n * n));
backend.fill(gram, 0);
backend.addGram(gram, x);

console.log(machine());
const seconds = { own: [], peer: [] };
for (let run = 1; run <= runs; run++) {
  const started = performance.now();
  const input = await SparseGptInput.of(backend, gram, 1);
  await sparsegpt(input, out, dense, 0.6, { kind: 'row', rounding: 'published' });
  input.free();
  seconds.own.push((performance.now() - started) / 1000);
  if (!reference.missing) seconds.peer.push(theirs());
  console.log(
    `run ${run}: neuroal ${seconds.own.at(-1).toFixed(2)} s${reference.missing ? '' : `, PyTorch ${seconds.peer.at(-1).toFixed(2)} s`}`,
  );
}
console.log(`neuroal: median ${median(seconds.own).toFixed(2)} s of ${runs} (${backend.info.simd} SIMD)`);
if (reference.missing) console.log(`PyTorch: left out (${reference.missing})`);
else {
  const ratio = median(seconds.peer.map((s, i) => s / seconds.own[i]));
  console.log(`PyTorch: median ${median(seconds.peer).toFixed(2)} s; ${ratio.toFixed(2)} times as long`);
}
await backend.dispose();
