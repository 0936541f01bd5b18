// A task evaluated by neuroal, timed from reading its file to its results, with the model in memory: node evaluate.mjs MODEL
// DATA TASK LIMIT THREADS prints { seconds, documents, results } as JSON. peers/lm_eval_peer.py does the same.

import { evaluateTasks, loadModel } from '../../dist/index.js';

const [folder, data, task, limit, threads] = process.argv.slice(2);
const model = await loadModel(folder, { threads: Number(threads) });
const run = (documents) => evaluateTasks(model, { tasks: [task], data, limit: documents });
// Kernels compiled, memory there.
await run(8);
const started = performance.now();
const { results } = await run(Number(limit));
const seconds = (performance.now() - started) / 1000;
const { sample_len: documents, 'acc,none': acc } = results[task];
console.log(JSON.stringify({ about: `neuroal, ${model.engine.simd} SIMD`, seconds, documents, acc }));
await model.dispose();
