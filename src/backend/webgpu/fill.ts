// Setting all elements of a tensor, and the copies of 16-bit elements that begin or end inside a word.

import type { Tensor } from '../../tensor/tensor.js';
import type { Gpu } from './gpu.js';
import type { Kernel } from './kernel.js';

const WORDS = 1024;

const fillWords: Kernel = {
  name: 'fill',
  operands: [{ name: 'y', type: 'u32', writes: true }],
  params: ['size', 'even', 'odd'],
  lanes: 256,
  code: /* wgsl */ `
fn run(group: u32, lane: u32) {
  for (var k = 0u; k < 4; k++) {
    let i = group * ${WORDS} + k * 256 + lane;
    if (i < p.size) { set_y(i, select(p.even, p.odd, (i & 1) == 1)); }
  }
}`,
};

/** One invocation a word of y, which holds the halves first … first + size − 1; they come from x, or are all one. */
const halves: Kernel = {
  name: 'halves',
  operands: [
    { name: 'y', type: 'u32', writes: true },
    { name: 'x', type: 'u32' },
  ],
  params: ['first', 'size', 'copies', 'pattern'],
  lanes: 256,
  code: /* wgsl */ `
fn run(group: u32, lane: u32) {
  let word = p.first / 2 + group * 256 + lane;
  let last = p.first + p.size;
  if (word * 2 >= last) { return; }
  var bits = raw_y(word);
  for (var h = 0u; h < 2; h++) {
    let i = word * 2 + h;
    if (i < p.first || i >= last) { continue; }
    let at = i - p.first;
    let half = select(p.pattern, (raw_x(at / 2) >> (16 * (at & 1))) & 0xffffu, p.copies == 1);
    bits = (bits & ~(0xffffu << (16 * h))) | (half << (16 * h));
  }
  put_y(word, bits);
}`,
};

/** Sets elements of 32 or 64 bits to a pattern of one or two words. */
export function fillPattern(gpu: Gpu, tensor: Tensor, words: readonly number[]): void {
  const [even, odd = even] = words;
  for (const [from, to] of gpu.pieces(tensor.size, [tensor])) {
    const size = (to - from) * words.length;
    const part = tensor.reshape(tensor.size).rows(from, to);
    gpu.run(fillWords, [part], { size, even, odd }, Math.ceil(size / WORDS));
  }
}

/** Sets elements of 16 bits to a pattern, or to those of `from`, which begin at a word. */
export function setHalves(gpu: Gpu, tensor: Tensor, from: Tensor | number): void {
  const flat = tensor.reshape(tensor.size);
  for (const [begin, end] of gpu.pieces(tensor.size, [tensor, typeof from === 'number' ? null : from], 8)) {
    const part = flat.rows(begin, end);
    const source = typeof from === 'number' ? null : from.reshape(from.size).rows(begin, end);
    const [copies, pattern] = typeof from === 'number' ? [0, from] : [1, 0];
    // The first word of a tensor that begins inside one is where o_y points, rounded down.
    const first = part.offset % 2;
    const params = { first, size: end - begin, copies, pattern };
    gpu.run(halves, [part, source], params, Math.ceil((first + end - begin) / 512));
  }
}
