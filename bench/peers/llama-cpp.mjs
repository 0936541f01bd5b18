// node-llama-cpp with a whole model as a contestant: node llama-cpp.mjs FILE THREADS. Of its two ways to get one token after
// the other either may be the faster one, so both are asked for.

import { createRequire } from 'node:module';
import { serve } from '../contest/serve.mjs';
import { wholeModelOf } from '../contest/whole-model.mjs';
import { installed } from './installed.mjs';

const [modelPath, threadCount] = process.argv.slice(2);
const threads = Number(threadCount);
const greedy = { temperature: 0 };

await serve(
  wholeModelOf(async (tokens) => {
    const { getLlama } = await installed(() => import('node-llama-cpp'));
    const llama = await getLlama({ build: 'never', gpu: false, maxThreads: threads, logLevel: 'error' });
    const model = await llama.loadModel({ modelPath });
    const context = await model.createContext({ contextSize: tokens, threads: { ideal: threads, min: threads } });
    const sequence = context.getSequence();
    const { version } = createRequire(import.meta.url)('./package-lock.json').packages['node_modules/node-llama-cpp'];

    /** The last of these tokens asks for what follows it. */
    const controlled = async (ids, generateNext) => {
      const outputs = await sequence.controlledEvaluate([...ids.slice(0, -1), [ids.at(-1), { generateNext }]]);
      return outputs.at(-1).next;
    };

    async function evaluate(prompt, next) {
      await sequence.clearHistory();
      const started = performance.now();
      const generated = sequence.evaluate(prompt, { ...greedy, yieldEogToken: true });
      await generated.next();
      const prefilled = performance.now();
      // What it is given takes the place of the token that it chose.
      for (const id of next) await generated.next(id);
      const ended = performance.now();
      await generated.return();
      return { prefill: prefilled - started, decode: ended - prefilled };
    }

    async function controlledEvaluate(prompt, next) {
      await sequence.clearHistory();
      const generateNext = { token: true, options: greedy };
      const started = performance.now();
      await controlled(prompt, generateNext);
      const prefilled = performance.now();
      for (const id of next) await controlled([id], generateNext);
      return { prefill: prefilled - started, decode: performance.now() - prefilled };
    }

    return {
      about: `node-llama-cpp ${version} (llama.cpp ${llama.llamaCppRelease.release})`,
      ways: { evaluate, controlledEvaluate },
      async logits(prompt) {
        await sequence.clearHistory();
        const { logits } = await controlled(prompt, { logits: true });
        return Array.from({ length: logits.size }, (_, id) => logits.get(id));
      },
      close: () => llama.dispose(),
    };
  }),
);
