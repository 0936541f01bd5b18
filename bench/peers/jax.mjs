// jax-js on its WebAssembly backend as a dense layer, compiled, with the weights as rows: the fastest way in which it can be
// asked for one. It has one thread.

import { createRequire } from 'node:module';

export async function jax() {
  const { blockUntilReady, defaultDevice, init, jit, numpy: np } = await import('@jax-js/jax');
  await init('wasm');
  defaultDevice('wasm');
  const multiply = jit((x, w) => np.matmul(x, w.transpose()));
  const { version } = createRequire(import.meta.url)('./package-lock.json').packages['node_modules/@jax-js/jax'];
  return {
    about: `jax-js ${version}`,
    weights: 'out-in',
    load(weight, rows, columns) {
      const w = np.array(weight).reshape([rows, columns]);
      const held = [w];
      return {
        input(values, tokens) {
          const x = np.array(values).reshape([tokens, columns]);
          held.push(x);
          // An operation uses its operands up; .ref lets them live on.
          const product = () => multiply(x.ref, w.ref);
          const run = async () => (await blockUntilReady(product())).dispose();
          const read = () => product().data();
          return { run, read };
        },
        close() {
          for (const array of held) array.dispose();
        },
      };
    },
  };
}
