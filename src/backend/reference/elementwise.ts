// The operations that look at one element at a time: activation functions, sums, multiples, soft limits, steps of ADMM.

import { narrowBF16 } from '../../tensor/half.js';
import { valuesOf } from '../../tensor/weights16.js';
import type { Activation, Backend } from '../backend.js';
import {
  checkActivate,
  checkAdd,
  checkAdmmScores,
  checkAdmmStep,
  checkGate,
  checkNarrow,
  checkScale,
  checkSoftcap,
} from '../shapes.js';
import { elements } from './storage.js';

type Elementwise = Pick<
  Backend,
  'activate' | 'gate' | 'add' | 'scale' | 'narrow' | 'softcap' | 'admmScores' | 'admmStep'
>;

/** The elementwise operations of the reference backend. */
export const elementwise: Elementwise = {
  activate(y, x, kind) {
    checkActivate(y, x, kind);
    const [result, input] = [elements(y), elements(x)];
    for (let i = 0; i < y.size; i++) result[i] = activation[kind](input[i]);
  },

  gate(y, gate, up, kind) {
    checkGate(y, gate, up, kind);
    const [result, g, u] = [elements(y), elements(gate), elements(up)];
    for (let i = 0; i < y.size; i++) result[i] = activation[kind](g[i]) * u[i];
  },

  add(y, a, b, factor = 1) {
    checkAdd(y, a, b, factor);
    const [result, left, right] = [elements(y), elements(a), elements(b)];
    for (let i = 0; i < y.size; i++) result[i] = left[i] + factor * right[i];
  },

  narrow(y, x) {
    checkNarrow(y, x);
    const patterns = new Uint16Array(y.size);
    narrowBF16(Float32Array.from(elements(x)), patterns);
    elements(y).set(valuesOf('bf16', patterns));
  },

  scale(y, x, factor) {
    checkScale(y, x, factor);
    const [result, input] = [elements(y), elements(x)];
    for (let i = 0; i < y.size; i++) result[i] = factor * input[i];
  },

  softcap(y, x, cap) {
    checkSoftcap(y, x, cap);
    const [result, input] = [elements(y), elements(x)];
    for (let i = 0; i < y.size; i++) result[i] = cap * Math.tanh(input[i] / cap);
  },

  admmScores(scores, x, u) {
    checkAdmmScores(scores, x, u);
    const [result, weight, dual] = [elements(scores), elements(x), elements(u)];
    for (let i = 0; i < result.length; i++) result[i] = Math.fround(weight[i] + dual[i]);
  },

  admmStep(right, u, x, b, kept, rho) {
    checkAdmmStep(right, u, x, b, kept, rho);
    const [result, dual, weight, base, pattern] = [right, u, x, b, kept].map(elements);
    for (let i = 0; i < u.size; i++) {
      const sum = weight[i] + dual[i];
      const z = pattern[i] !== 0 ? sum : 0;
      dual[i] = sum - z;
      result[i] = base[i] + rho * (z - dual[i]);
    }
  },
};

/** As defined, but nothing cancels for negative x: 1 + erf z is written as erfc(−z), 1 + tanh z as 2/(1 + e^(−2z)). */
const activation: Record<Activation, (x: number) => number> = {
  silu: (x) => x / (1 + Math.exp(-x)),
  relu: (x) => Math.max(x, 0),
  gelu: (x) => 0.5 * x * erfc(-x / Math.SQRT2),
  gelu_tanh: (x) => x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  quick_gelu: (x) => x / (1 + Math.exp(-1.702 * x)),
};

/** 1 − erf x: from the series of erf around 0, from the continued fraction of erfc beyond 2. */
function erfc(x: number): number {
  if (x < -2) return 2 - erfc(-x);
  if (x > 2) {
    let fraction = x;
    for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
    return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
  }
  // erf x = 2/√π·e^(−x²)·Σ 2ⁿ·x²ⁿ⁺¹/(1·3·…·(2n + 1)), whose terms have one sign.
  let sum = x;
  for (let n = 1, term = x; n < 60; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
