// ATP (arXiv 2502.14770; §6 of the algorithms page): sparsity rises from block to block by one step β. Here are the ramps that
// there are for a target; which of them is best, perplexity says.

/** Ramps are β = STEP, 2·STEP, … */
const STEP = 0.002;

/** Rounding error of a sparsity: what lies so little below 0 is 0, and so little below 1 is 1. */
const ERROR = 1e-12;

export interface Ramp {
  beta: number;
  /** One for each block, in [0, 1). */
  sparsities: number[];
}

/**
 * Every ramp s + β·(b − (blocks − 1)/2) that stays in [0, 1), by rising β. Where there is none, and for a single block,
 * the flat one alone: β = 0.
 */
export function ramps(blocks: number, s: number): Ramp[] {
  const middle = (blocks - 1) / 2;
  const found: Ramp[] = [];
  for (let k = 1; blocks > 1; k++) {
    const beta = Number((k * STEP).toFixed(3));
    if (s - beta * middle < -ERROR || s + beta * middle >= 1 - ERROR) break;
    found.push({ beta, sparsities: Array.from({ length: blocks }, (_, b) => Math.max(0, s + beta * (b - middle))) });
  }
  return found.length > 0 ? found : [{ beta: 0, sparsities: new Array<number>(blocks).fill(s) }];
}
