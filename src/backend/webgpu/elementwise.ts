// The operations that look at one element at a time: activation functions, sums, multiples, soft limits, steps of ADMM.

import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { Gpu } from './gpu.js';
import type { Kernel, KernelOperand } from './kernel.js';

/** Elements of a workgroup: each of its lanes takes four, far apart so that neighbours read neighbours. */
const ELEMENTS = 1024;

function elementwise(
  name: string,
  operands: KernelOperand[],
  params: string[],
  step: string,
  uses: Kernel['uses'],
): Kernel {
  return {
    name,
    operands,
    params: ['size', ...params],
    lanes: 256,
    uses,
    code: /* wgsl */ `
fn run(group: u32, lane: u32) {
  for (var k = 0u; k < 4; k++) {
    let i = group * ${ELEMENTS} + k * 256 + lane;
    if (i < p.size) { ${step} }
  }
}`,
  };
}

const f32 = (name: string, writes = false): KernelOperand => ({ name, type: 'f32', writes });
const f64 = (name: string, writes = false): KernelOperand => ({ name, type: 'f64', writes });

const kernels = {
  activate: elementwise('activate', [f32('y', true), f32('x')], ['kind'], 'set_y(i, activated(get_x(i), p.kind));', [
    'functions',
  ]),
  gate: elementwise(
    'gate',
    [f32('y', true), f32('g'), f32('u')],
    ['kind'],
    'set_y(i, activated(get_g(i), p.kind) * get_u(i));',
    ['functions'],
  ),
  add: elementwise(
    'add',
    [f32('y', true), f32('a'), f32('b')],
    ['f_factor'],
    'set_y(i, get_a(i) + p.f_factor * get_b(i));',
    [],
  ),
  scale: elementwise('scale', [f32('y', true), f32('x')], ['f_factor'], 'set_y(i, p.f_factor * get_x(i));', []),
  softcap: elementwise(
    'softcap',
    [f32('y', true), f32('x')],
    ['f_cap'],
    'set_y(i, p.f_cap * hyperbolic_tangent(get_x(i) / p.f_cap));',
    ['functions'],
  ),
  admmScores: elementwise(
    'admmScores',
    [f32('y', true), f64('x'), f64('u')],
    [],
    'put_y(i, f64_narrow(f64_add(get_x(i), get_u(i))));',
    ['float64'],
  ),
  // rho·(z − u) is what the definition of the operation rounds: first the difference, then the product.
  admmStep: elementwise(
    'admmStep',
    [f64('right', true), f64('u', true), f64('x'), f64('b'), f32('kept')],
    ['rho_low', 'rho_high'],
    `let s = f64_add(get_x(i), get_u(i));
      let kept = (raw_kept(i) & 0x7fffffffu) != 0;
      let z = select(vec2u(0), s, kept);
      let u = f64_add(s, f64_negated(z));
      let step = f64_mul(vec2u(p.rho_low, p.rho_high), f64_add(z, f64_negated(u)));
      set_u(i, u);
      set_right(i, f64_add(get_b(i), step));`,
    ['float64'],
  ),
};

/** A lane has a pair of y, which is one word. */
const narrowing: Kernel = {
  name: 'narrow',
  operands: [{ name: 'y', type: 'bf16', writes: true }, f32('x')],
  params: ['size'],
  lanes: 256,
  code: /* wgsl */ `
fn run(group: u32, lane: u32) {
  let first = 2 * (group * 256 + lane);
  for (var k = 0u; k < 2; k++) {
    let i = first + k - (p.o_y & 1);
    if (i < p.size) {
      let bits = raw_x(i);
      let nan = (bits & 0x7fffffffu) > 0x7f800000u;
      put_y(i, select(bits + 0x7fffu + ((bits >> 16) & 1), bits | 0x400000u, nan) >> 16);
    }
  }
}`,
};

/** y = x, rounded to bf16. */
export function narrow(gpu: Gpu, y: Tensor<'bf16'>, x: Tensor<'f32'>): void {
  const { size } = y;
  for (const [from, to] of gpu.pieces(size, [y, x], ELEMENTS)) {
    const parts = [y, x].map((tensor) => rowsOf(tensor as Tensor, size, from, to));
    gpu.run(narrowing, parts, { size: to - from }, Math.ceil((to - from + 1) / 512));
  }
}

/** Runs one of the elementwise kernels over tensors of one size. */
export function runElementwise(
  gpu: Gpu,
  name: keyof typeof kernels,
  tensors: readonly Tensor[],
  params: Readonly<Record<string, number>>,
): void {
  const [{ size }] = tensors;
  for (const [from, to] of gpu.pieces(size, tensors, ELEMENTS)) {
    const parts = to - from === size ? tensors : tensors.map((tensor) => tensor.reshape(size).rows(from, to));
    gpu.run(kernels[name], parts, { size: to - from, ...params }, Math.ceil((to - from) / ELEMENTS));
  }
}
