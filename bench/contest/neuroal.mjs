// neuroal itself as a contestant: node neuroal.mjs plain|relaxed THREADS.

import { version } from '../../dist/index.js';
import { createWasmBackend } from '../../dist/internals.js';
import { layerOf, random } from './layer.mjs';
import { serve } from './serve.mjs';
import { timed, warmUp } from './timing.mjs';

const [simd, threads] = process.argv.slice(2);
const backend = await createWasmBackend({ simd, threads: Number(threads) });
const about = `neuroal ${version}`;

function tensorOf(values, ...shape) {
  const tensor = backend.allocate('f32', shape);
  backend.write(tensor, values);
  return tensor;
}

const linear = layerOf({
  about,
  weights: 'out-in',
  load(weight, rows, columns) {
    const w = tensorOf(weight, rows, columns);
    const held = [w];
    return {
      input(values, tokens) {
        const x = tensorOf(values, tokens, columns);
        const y = backend.allocate('f32', [tokens, rows]);
        held.push(x, y);
        const run = () => backend.linear(y, x, w, null);
        const read = () => {
          run();
          return backend.read(y);
        };
        return { run, read };
      },
      close() {
        for (const tensor of held) backend.free(tensor);
      },
    };
  },
});

/** The `prune` smallest of each row by |w| times a factor for its column. */
async function mask({ rows, columns, prune }) {
  const weight = tensorOf(random(rows * columns), rows, columns);
  const column = tensorOf(
    random(columns).map((v) => v + 1),
    columns,
  );
  const out = backend.allocate('f32', [rows, columns]);
  const run = () => backend.mask(out, weight, { of: null, column, row: null }, { kind: 'row', prune });
  run();
  const zeros = (await backend.read(out)).reduce((n, v) => n + Number(v === 0), 0);
  if (zeros !== rows * prune) throw new Error(`expected ${rows * prune} weights removed, got ${zeros}`);
  await warmUp(run);
  return {
    about,
    sample: () => timed(run),
    close() {
      for (const tensor of [weight, column, out]) backend.free(tensor);
    },
  };
}

await serve((job) => ({ linear, mask })[job.kind](job));
