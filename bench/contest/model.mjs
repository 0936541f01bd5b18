// neuroal with a whole model as a contestant: node model.mjs FOLDER THREADS OPTIONS, these being more options of loadModel as
// JSON. Its ways are what keys and values are kept as.

import { loadModel, version } from '../../dist/index.js';
import { serve } from './serve.mjs';
import { wholeModelOf } from './whole-model.mjs';

const [folder, threads, options] = process.argv.slice(2);

function mostLikely(logits) {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  return best;
}

await serve(
  wholeModelOf(async (tokens) => {
    const model = await loadModel(folder, { threads: Number(threads), ...JSON.parse(options) });

    async function withCache(way, run) {
      const cache = model.createCache(tokens, way);
      try {
        return await run(cache);
      } finally {
        cache.free();
      }
    }

    const next = (way) => (prompt, ids) =>
      withCache(way, async (cache) => {
        const started = performance.now();
        mostLikely(await model.next(cache, prompt));
        const prefilled = performance.now();
        for (const id of ids) mostLikely(await model.next(cache, [id]));
        return { prefill: prefilled - started, decode: performance.now() - prefilled };
      });

    return {
      about: `neuroal ${version} (${model.engine.simd} SIMD)`,
      ways: { f32: next('f32'), bf16: next('bf16') },
      logits: (prompt, way) => withCache(way, (cache) => model.next(cache, prompt)),
      close: () => model.dispose(),
    };
  }),
);
