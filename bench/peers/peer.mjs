// A peer that is a library of JavaScript as a contestant: node peer.mjs NAME THREADS.

import { layerOf } from '../contest/layer.mjs';
import { serve } from '../contest/serve.mjs';
import { jax } from './jax.mjs';
import { onnxruntimeNode, onnxruntimeWeb } from './onnxruntime.mjs';
import { tfjs } from './tfjs.mjs';

const [name, threads] = process.argv.slice(2);
const libraries = { tfjs, 'ort-web': onnxruntimeWeb, 'ort-node': onnxruntimeNode, 'jax-js': jax };
let layer = null;

await serve(async (job) => {
  try {
    layer ??= layerOf(await libraries[name](Number(threads)));
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND')
      throw new Error('not installed: npm ci --ignore-scripts in bench/peers', { cause: error });
    throw error;
  }
  return layer(job);
});
