// Stored floats as bit patterns: whether a weight is zero, and where it belongs, can be told without knowing its value, and
// what is never decoded comes back with the same bits.

/** Values of 1, 2, 4 or 8 bytes. */
export type Patterns = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

/** Stored values of `width` bytes each as patterns, sharing their memory. */
export function patternsOf(bytes: ArrayBuffer, width: number): Patterns {
  switch (width) {
    case 1:
      return new Uint8Array(bytes);
    case 2:
      return new Uint16Array(bytes);
    case 4:
      return new Uint32Array(bytes);
    default:
      return new BigUint64Array(bytes);
  }
}

/** The pattern of −0, which is a zero too. */
export function negativeZero(patterns: Patterns): number | bigint {
  if (patterns instanceof BigUint64Array) return 1n << 63n;
  return 2 ** (8 * patterns.BYTES_PER_ELEMENT - 1);
}
