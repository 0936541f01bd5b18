// Setting all elements of a tensor, and the copies of elements of 16 and 8 bits that begin or end inside a word.

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

/** One invocation a word of y, which holds parts of words, first … first + size − 1; they come from x, or are all one. */
const partsOf = (perWord: 2 | 4): Kernel => ({
  name: `words in ${perWord}`,
  operands: [
    { name: 'y', type: 'u32', writes: true },
    { name: 'x', type: 'u32' },
  ],
  params: ['first', 'size', 'copies', 'pattern'],
  lanes: 256,
  code: /* wgsl */ `
const width = ${32 / perWord}u;
const mask = ${perWord === 2 ? '0xffffu' : '0xffu'};
fn run(group: u32, lane: u32) {
  let word = p.first / ${perWord} + group * 256 + lane;
  let last = p.first + p.size;
  if (word * ${perWord} >= last) { return; }
  var bits = raw_y(word);
  for (var h = 0u; h < ${perWord}; h++) {
    let i = word * ${perWord} + h;
    if (i < p.first || i >= last) { continue; }
    let at = i - p.first;
    let part = select(p.pattern, (raw_x(at / ${perWord}) >> (width * (at % ${perWord}))) & mask, p.copies == 1);
    bits = (bits & ~(mask << (width * h))) | (part << (width * h));
  }
  put_y(word, bits);
}`,
});

const kernels = { 2: partsOf(2), 4: partsOf(4) };

/** Sets elements of 32 or 64 bits to a pattern of one or two words. */
export function fillPattern(gpu: Gpu, tensor: Tensor, words: readonly number[]): void {
  const [even, odd = even] = words;
  for (const [from, to] of gpu.pieces(tensor.size, [tensor])) {
    const size = (to - from) * words.length;
    const part = tensor.reshape(tensor.size).rows(from, to);
    gpu.run(fillWords, [part], { size, even, odd }, Math.ceil(size / WORDS));
  }
}

/** Sets elements of 16 or 8 bits to a pattern, or to those of `from`, which begin at a word. */
export function setShort(gpu: Gpu, tensor: Tensor, from: Tensor | number): void {
  const perWord = tensor.dtype === 'i8' ? 4 : 2;
  const flat = tensor.reshape(tensor.size);
  for (const [begin, end] of gpu.pieces(tensor.size, [tensor, typeof from === 'number' ? null : from], 8)) {
    const part = flat.rows(begin, end);
    const source = typeof from === 'number' ? null : from.reshape(from.size).rows(begin, end);
    const [copies, pattern] = typeof from === 'number' ? [0, from] : [1, 0];
    // The first word of a tensor that begins inside one is where o_y points, rounded down.
    const first = part.offset % perWord;
    const params = { first, size: end - begin, copies, pattern };
    gpu.run(kernels[perWord], [part, source], params, Math.ceil((first + end - begin) / (256 * perWord)));
  }
}
