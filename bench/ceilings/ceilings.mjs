// The ceilings of one thread as a contestant, so that they are measured in the rounds of what is held against them:
// arithmetic in GFLOP/s, for each kernel build that this Node can run, and reading memory in GB/s.

import { relaxedSimdSupported } from '../../dist/internals.js';
import { serve } from '../contest/serve.mjs';
import { median } from '../machine.mjs';
import { compileCeilings } from './compile.mjs';

const PAGE = 65536;
/** Far more than any cache holds. */
const BYTES = 2 ** 30;
/** What arithmetic and stream read and write beside the buffer. */
const OPERANDS = BYTES;
const WINDOW_MILLISECONDS = 40;

/** Thirteen multiply-adds of four lanes a round. */
const ROUND_FLOPS = 13 * 4 * 2;
/** A call of some ten microseconds: an interrupt then spoils few of them. */
const ROUNDS = 4096;

/** Which streams a memory serves best differs between processors, and four that lie a power of two apart may collide. */
const GAPS = [64, 2 ** 16, 2 ** 20 + 64, 2 ** 24 + 64, 2 ** 28];

async function open() {
  const memory = new WebAssembly.Memory({ initial: BYTES / PAGE + 1, maximum: BYTES / PAGE + 1 });
  // Pages that were never written are all the same page of zeros.
  new Uint8Array(memory.buffer).fill(1);
  const instances = {};
  for (const simd of relaxedSimdSupported() ? ['plain', 'relaxed'] : ['plain'])
    instances[simd] = new WebAssembly.Instance(await compileCeilings(simd), { env: { memory } }).exports;

  /** Of many short calls: the median, and the best. */
  function arithmetic(simd) {
    // Normal numbers that stay so: a·½ + ½ goes to 1.
    new Float32Array(memory.buffer, OPERANDS, 8).fill(0.5);
    const rates = [];
    const end = performance.now() + WINDOW_MILLISECONDS;
    while (performance.now() < end) {
      const started = performance.now();
      instances[simd].arithmetic(OPERANDS, ROUNDS);
      rates.push((ROUND_FLOPS * ROUNDS) / (performance.now() - started) / 1e6);
    }
    return { median: median(rates), best: Math.max(...rates) };
  }

  function streamOf(gap) {
    const started = performance.now();
    const bytes = instances.plain.stream(0, BYTES, gap, OPERANDS);
    return bytes / (performance.now() - started) / 1e6;
  }

  const rates = GAPS.map((gap) => Math.max(...[1, 2, 3].map(() => streamOf(gap))));
  const gap = GAPS[rates.indexOf(Math.max(...rates))];

  /** One pass over all of the buffer. */
  function stream() {
    const rate = streamOf(gap);
    return { median: rate, best: rate };
  }

  return {
    about: gap === GAPS[0] ? 'one stream' : `four streams ${gap} bytes apart`,
    sample: ({ of, simd }) => (of === 'stream' ? stream() : arithmetic(simd)),
    close() {},
  };
}

await serve(open);
