// Steps of a sparse matrix's entries: a byte each, or 4 bits where ways are short. Of a block of SPARSE_BLOCK entries those of
// 4 bits are 16 bytes, whose lower halves are the first 16 steps. Before they are walked they become bytes in scratch
// memory, in whole blocks: a few instructions for 32 entries.

/** The longest step of 4 bits, and of 8. */
export const SPARSE_NEAR: i32 = 15;
export const SPARSE_FAR: i32 = 255;

/** Entries of a block. */
export const SPARSE_BLOCK: i32 = 32;

/** Steps of 4 bits of bytes. A unit is a block. */
export function packSteps(bytes: usize, steps: usize, begin: i32, end: i32): void {
  for (let i = <usize>begin; i < <usize>end; i++)
    v128.store(steps + (i << 4), v128.or(v128.load(bytes + (i << 5)), i16x8.shl(v128.load(bytes + (i << 5), 16), 4)));
}

/**
 * Where the steps of the entries [begin, end) are as bytes, as if those of all entries were there: `steps`, or scratch
 * memory, to which those of 4 bits are unpacked.
 */
// @ts-ignore: decorator
@inline
export function bytesOf(steps: usize, far: i32, begin: usize, end: usize, scratch: usize): usize {
  return far == SPARSE_NEAR ? unpackSteps(steps, begin, end, scratch) : steps;
}

function unpackSteps(steps: usize, begin: usize, end: usize, scratch: usize): usize {
  let first = begin & -SPARSE_BLOCK, to = scratch, low = i8x16.splat(15);
  for (let at = steps + (first >> 1), stop = steps + (end >> 1); at < stop; at += 16, to += 32) {
    let block = v128.load(at);
    v128.store(to, v128.and(block, low));
    v128.store(to, v128.and(i16x8.shr_u(block, 4), low), 16);
  }
  return scratch - first;
}
