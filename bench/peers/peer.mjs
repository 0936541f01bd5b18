// A peer that is a library of JavaScript as a contestant: node peer.mjs NAME THREADS.

import { layerOf } from '../contest/layer.mjs';
import { serve } from '../contest/serve.mjs';
import { installed } from './installed.mjs';
import { jax } from './jax.mjs';
import { onnxruntimeNode, onnxruntimeWeb } from './onnxruntime.mjs';
import { tfjs } from './tfjs.mjs';

const [name, threads] = process.argv.slice(2);
const libraries = { tfjs, 'ort-web': onnxruntimeWeb, 'ort-node': onnxruntimeNode, 'jax-js': jax };
let layer = null;

await serve(async (job) => {
  layer ??= layerOf(await installed(() => libraries[name](Number(threads))));
  return layer(job);
});
