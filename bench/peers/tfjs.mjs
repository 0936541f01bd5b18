// TensorFlow.js with its WebAssembly backend (XNNPACK) as a dense layer; in Node it has one thread.

import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export async function tfjs() {
  const { default: tf } = await import('@tensorflow/tfjs-core');
  const { default: wasm } = await import('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(dirname(fileURLToPath(import.meta.resolve('@tensorflow/tfjs-backend-wasm'))) + sep);
  if (!(await tf.setBackend('wasm'))) throw new Error(`expected tfjs on its wasm backend, got ${tf.getBackend()}`);
  return {
    about: `tfjs-backend-wasm ${wasm.version_wasm}`,
    weights: 'in-out',
    load(weight, rows, columns) {
      const w = tf.tensor2d(weight, [columns, rows]);
      const held = [w];
      return {
        input(values, tokens) {
          const x = tf.tensor2d(values, [tokens, columns]);
          held.push(x);
          const run = () => tf.dispose(tf.matMul(x, w));
          const read = () => tf.tidy(() => tf.matMul(x, w).dataSync());
          return { run, read };
        },
        close: () => tf.dispose(held),
      };
    },
  };
}
