// neuroal with a whole model as a contestant: node model.mjs FOLDER THREADS OPTIONS, these being more options of loadModel as
// JSON.

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

    async function withCache(run) {
      const cache = model.createCache(tokens);
      try {
        return await run(cache);
      } finally {
        cache.free();
      }
    }

    const next = (prompt, ids) =>
      withCache(async (cache) => {
        const started = performance.now();
        mostLikely(await model.next(cache, prompt));
        const prefilled = performance.now();
        for (const id of ids) mostLikely(await model.next(cache, [id]));
        return { prefill: prefilled - started, decode: performance.now() - prefilled };
      });

    return {
      about: `neuroal ${version} (${model.engine.simd} SIMD)`,
      ways: { next },
      logits: (prompt) => withCache((cache) => model.next(cache, prompt)),
      close: () => model.dispose(),
    };
  }),
);
