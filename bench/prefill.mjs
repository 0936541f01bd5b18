// A whole model, dense and pruned, in f32, bf16 and int8: a prompt of 512 tokens, then 64 tokens one by one, as tokens per
// second, how much of the time of the prompt goes into linear layers, and the memory that it takes.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadModel } from '../dist/index.js';
import { relaxedSimdSupported } from '../dist/internals.js';
import { runs, takeTurns } from './contest/turns.mjs';
import { median } from './machine.mjs';
import { SMALL, writeRandomLlama } from './random-llama.mjs';
import { figure, percent, ratio, spread } from './table.mjs';

const PROMPT_TOKENS = 512;
const NEW_TOKENS = 64;

/** Adds up the milliseconds that the model spends in linear layers; operations end before they return. */
function watchLinear(model) {
  const { backend } = model;
  const watch = { milliseconds: 0 };
  for (const name of ['linear', 'linears']) {
    const own = backend[name].bind(backend);
    backend[name] = (...operands) => {
      const started = performance.now();
      own(...operands);
      watch.milliseconds += performance.now() - started;
    };
  }
  return watch;
}

/** One prompt and what follows it. */
async function run({ model, keys, watch }) {
  const { vocab_size } = model.config;
  const token = (i) => (7919 * (i + 1)) % vocab_size;
  const cache = model.createCache(PROMPT_TOKENS + NEW_TOKENS, keys);
  try {
    watch.milliseconds = 0;
    const started = performance.now();
    await model.next(
      cache,
      Array.from({ length: PROMPT_TOKENS }, (_, i) => token(i)),
    );
    const prefilled = performance.now();
    const linear = watch.milliseconds;
    for (let i = 0; i < NEW_TOKENS; i++) await model.next(cache, [token(i)]);
    return { prefill: prefilled - started, linear, decode: performance.now() - prefilled };
  } finally {
    cache.free();
  }
}

/** What is measured: `dtype` of the file, its zeros, weights in memory (by default as stored), what keys and values are kept as. */
const forms = [
  { dtype: 'F32', sparsity: 0, caches: ['f32', 'bf16'] },
  { dtype: 'BF16', sparsity: 0, caches: ['f32', 'bf16'] },
  { dtype: 'F32', sparsity: 0, values: 'int8', caches: ['f32', 'bf16'] },
  { dtype: 'F32', sparsity: 0.7, caches: ['f32'] },
  { dtype: 'BF16', sparsity: 0.7, caches: ['f32', 'bf16'] },
  { dtype: 'F32', sparsity: 0.8, caches: ['f32'] },
];

/** Peak memory of a process of its own that runs the model, over the size of its file. */
function memory(folder, values, keys) {
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const options = ['--threads', '1', '--values', values, '--kv-cache', keys];
  const args = [main, 'bench', folder, '--json', '--runs', '1', '--prompt-tokens', '64', ...options];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`expected a benchmark of ${SMALL.layers} blocks to end with 0, got ${stderr}`);
  const { peakRssBytes, bytes } = JSON.parse(stdout);
  return `${figure(peakRssBytes / 1e6)} of ${figure(bytes / 1e6)}`;
}

export async function prefill() {
  const scratch = await mkdtemp(join(tmpdir(), 'neuroal-bench-'));
  const entries = [];
  try {
    for (const { dtype, sparsity, values = 'stored', caches } of forms) {
      const folder = join(scratch, `${dtype}-${sparsity}`);
      if (!existsSync(folder)) {
        await mkdir(folder);
        await writeRandomLlama(folder, SMALL, { dtype, sparsity });
      }
      const peaks = caches.map((keys) => memory(folder, values, keys));
      const weights = values === 'stored' ? dtype.toLowerCase() : values;
      for (const deterministic of relaxedSimdSupported() ? [true, false] : [true])
        for (const threads of [1, 2]) {
          const model = await loadModel(folder, { threads, deterministic, values });
          const watch = watchLinear(model);
          entries.push(...caches.map((keys, i) => ({ weights, sparsity, keys, peak: peaks[i], model, watch })));
        }
    }
    const { parameters } = entries[0].model;
    console.error(`prefill: ${runs} samples of each`);
    const turns = entries.map((entry) => () => run(entry));
    const samples = await takeTurns(turns);
    const rows = entries.map((entry, i) => {
      const { weights, sparsity, keys, peak, model } = entry;
      const denseOf = (type) => entries.findIndex((e) => e.weights === type && e.sparsity === 0 && sameRun(e, entry));
      const [dense, full] = [denseOf(weights), denseOf('f32')];
      const against = (other, part) =>
        other === i
          ? '–'
          : ratio(
              samples[other].map((s) => s[part]),
              samples[i].map((s) => s[part]),
            );
      return [
        weights,
        keys,
        percent(sparsity),
        model.engine.simd,
        String(model.engine.threads),
        spread(samples[i].map((s) => (1000 * PROMPT_TOKENS) / s.prefill)),
        against(dense, 'prefill'),
        against(full, 'prefill'),
        percent(median(samples[i].map((s) => s.linear / s.prefill))),
        spread(samples[i].map((s) => (1000 * NEW_TOKENS) / s.decode)),
        against(dense, 'decode'),
        against(full, 'decode'),
        peak,
      ];
    });
    return [
      {
        title: `A Llama of ${(parameters / 1e6).toFixed(0)} million random parameters: tokens/s`,
        notes: [
          `Hidden ${SMALL.hidden}, ${SMALL.layers} layers, intermediate ${SMALL.intermediate}, ${SMALL.heads} heads, vocabulary ${SMALL.vocabulary}; a prompt of ${PROMPT_TOKENS} tokens, then ${NEW_TOKENS} one by one; ${runs} samples of each in turn. Zeros are in the linear layers of the blocks, which then run as sparse matrices. "Cache" is what keys and values are kept as. "Of dense" compares with the dense model of the same weights, cache, build and threads, "of dense f32" with that of f32 weights. Memory is the peak of a process that loads the model and runs it on one thread, with a prompt of 64 tokens, beside the size of its file.`,
        ],
        // biome-ignore format: a column each
        head: ['weights', 'cache', 'zeros', 'build', 'threads', 'prefill', 'of dense', 'of dense f32', 'of it in linear layers', 'decode', 'of dense', 'of dense f32', 'MB'],
        rows,
      },
    ];
  } finally {
    await Promise.all([...new Set(entries.map(({ model }) => model))].map((model) => model.dispose()));
    await rm(scratch, { recursive: true, force: true });
  }
}

const sameRun = (a, b) =>
  a.keys === b.keys && a.model.engine.simd === b.model.engine.simd && a.model.engine.threads === b.model.engine.threads;
