// A dense layer as every contestant written in JavaScript is asked for it: random weights, inputs for any number of
// tokens, and a product that is checked before its time counts.

import { timed, warmUp } from './timing.mjs';

const CHECKED = 16;
/** Of a sum of thousands of products of two numbers up to ½; it lies far above what f32 loses there. */
const TOLERANCE = 1e-3;

export const random = (length) => Float32Array.from({ length }, () => Math.random() - 0.5);

/**
 * @param library { about, weights: 'out-in' | 'in-out', load(weight, rows, columns) }: load gives { input, close }, input
 *   takes (x, tokens) and gives { run, read }: the product alone, and the product with its values
 */
export const layerOf = (library) => async (job) => {
  const { rows, columns } = job;
  const weight = random(rows * columns);
  const layer = await library.load(weight, rows, columns);
  const [down, across] = library.weights === 'out-in' ? [columns, 1] : [1, rows];
  const inputs = new Map();

  async function inputOf(tokens) {
    const x = random(tokens * columns);
    const input = await layer.input(x, tokens);
    const y = await input.read();
    for (let i = 0; i < CHECKED; i++) {
      const t = Math.floor(Math.random() * tokens);
      const r = Math.floor(Math.random() * rows);
      let expected = 0;
      for (let c = 0; c < columns; c++) expected += x[t * columns + c] * weight[r * down + c * across];
      const got = y[t * rows + r];
      if (!(Math.abs(got - expected) < TOLERANCE))
        throw new Error(`expected ${expected} at token ${t}, output ${r} of the product, got ${got}`);
    }
    await warmUp(input.run);
    return input;
  }

  return {
    about: library.about,
    async sample({ tokens }) {
      if (!inputs.has(tokens)) inputs.set(tokens, await inputOf(tokens));
      return timed(inputs.get(tokens).run);
    },
    close: layer.close,
  };
};
