// The MLP without a gate, two layers under the names that the family gives them.

import type { Linear } from '../graph.js';
import { whole } from '../linear.js';
import type { Mlp } from '../mlp.js';

/** output(activation(input(x))). */
export function plainMlp(input: Linear, output: Linear, activation: Mlp['activation']): Mlp {
  return { inputs: [input], gate: null, up: whole(input), output, activation };
}
