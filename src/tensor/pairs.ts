// Patterns of 16 bits, two at a time: what goes over all weights of a model is the most of what loading it takes.

/** The same memory as pairs, the first pattern of a pair in the lower half; null where there are none that are whole. */
export function pairsOf(patterns: Uint16Array): Int32Array | null {
  const { buffer, byteOffset, length } = patterns;
  return byteOffset % 4 === 0 && length % 2 === 0 ? new Int32Array(buffer, byteOffset, length / 2) : null;
}

// What is asked of the two patterns of a pair is asked of their bits moved one down: a sum of two such halves then carries into
// bit 14 and no further, and the whole stays a positive 32-bit integer.

/** The bit into which a half carries, of both. */
export const CARRIES = 0x40004000;
