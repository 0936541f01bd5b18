// A whole model: a prompt of 512 tokens, then 64 tokens one by one, as tokens per second, and how much of the time of the
// prompt goes into dense layers.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { relaxedSimdSupported } from '../dist/backend/wasm/features.js';
import { loadModel } from '../dist/index.js';
import { runs, takeTurns } from './contest/turns.mjs';
import { median } from './machine.mjs';
import { SMALL, writeRandomLlama } from './random-llama.mjs';
import { percent, ratio, spread } from './table.mjs';

const PROMPT_TOKENS = 512;
const NEW_TOKENS = 64;

/** Adds up the milliseconds that the model spends in dense layers; operations end before they return. */
function watchLinear(model) {
  const { backend } = model;
  const linear = backend.linear.bind(backend);
  const watch = { milliseconds: 0 };
  backend.linear = (...operands) => {
    const started = performance.now();
    linear(...operands);
    watch.milliseconds += performance.now() - started;
  };
  return watch;
}

/** One prompt and what follows it. */
async function run(model, watch) {
  const { vocab_size } = model.config;
  const token = (i) => (7919 * (i + 1)) % vocab_size;
  const cache = model.createCache(PROMPT_TOKENS + NEW_TOKENS);
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

export async function prefill() {
  const folder = await mkdtemp(join(tmpdir(), 'neuroal-bench-'));
  const models = [];
  try {
    await writeRandomLlama(folder, SMALL);
    for (const deterministic of relaxedSimdSupported() ? [true, false] : [true])
      for (const threads of [1, 2]) models.push(await loadModel(folder, { threads, deterministic }));
    const { parameters } = models[0];
    console.error(`prefill: ${runs} samples of each`);
    const turns = models.map((model) => {
      const watch = watchLinear(model);
      return () => run(model, watch);
    });
    const samples = await takeTurns(turns, (_, error) => {
      throw error;
    });
    const rows = models.map(({ engine: { simd, threads } }, i) => {
      const alone = models.findIndex(({ engine }) => engine.simd === simd && engine.threads === 1);
      const [own, one] = [i, alone].map((m) => samples[m].map((s) => s.prefill));
      return [
        simd,
        String(threads),
        spread(own.map((ms) => (1000 * PROMPT_TOKENS) / ms)),
        percent(median(samples[i].map((s) => s.linear / s.prefill))),
        threads === 1 ? '–' : ratio(one, own),
        spread(samples[i].map((s) => (1000 * NEW_TOKENS) / s.decode)),
      ];
    });
    return [
      {
        title: `A Llama of ${(parameters / 1e6).toFixed(0)} million random parameters, f32: tokens/s`,
        notes: [
          `Hidden ${SMALL.hidden}, ${SMALL.layers} layers, intermediate ${SMALL.intermediate}, ${SMALL.heads} heads, vocabulary ${SMALL.vocabulary}; a prompt of ${PROMPT_TOKENS} tokens, then ${NEW_TOKENS} one by one; ${runs} samples of each in turn.`,
        ],
        head: ['build', 'threads', 'prefill', 'of it in dense layers', 'of one thread', 'decode'],
        rows,
      },
    ];
  } finally {
    await Promise.all(models.map((model) => model.dispose()));
    await rm(folder, { recursive: true, force: true });
  }
}
