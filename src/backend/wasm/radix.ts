// A score of a given rank, found by counting: passes over all scores narrow it down to its bits, eleven, eleven and nine at
// a time, without writing anything as large as the scores.

/** [shift, bits] of the digits of a non-negative f32's 31 bits, highest first. */
const DIGITS = [
  [20, 11],
  [9, 11],
  [0, 9],
] as const;

/** Bins of a pass, at most. */
export const BINS = 2048;

/** A score as bits; how many of those equal to it come before the one of the rank, and how many there are. */
export interface Ranked {
  threshold: number;
  before: number;
  equal: number;
}

/**
 * The score of `rank` (0-based, smallest first).
 * @param count what a pass over the scores finds: of those whose bits above shift + bits are `prefix`, how many have each
 *   digit (score >> shift) mod 2ᵇⁱᵗˢ
 */
export function scoreOfRank(
  rank: number,
  count: (prefix: number, shift: number, bits: number) => (bin: number) => number,
): Ranked {
  let threshold = 0;
  let before = rank;
  let equal = 0;
  for (const [shift, bits] of DIGITS) {
    const inBin = count(threshold, shift, bits);
    let digit = 0;
    for (equal = inBin(0); before >= equal; equal = inBin(++digit)) before -= equal;
    threshold = (threshold << bits) | digit;
  }
  return { threshold, before, equal };
}
