// The two 16-bit float formats of checkpoints, to and from f32. JavaScript on Node 20 has no 16-bit float array, so
// both directions work on the bit patterns. Widening is exact; narrowing rounds to nearest, ties to even, like PyTorch.

/** Bits of the f32 equal to each f16 pattern (256 KiB); made when there are so many numbers that it pays. */
let f16Table: Uint32Array | undefined;
const MANY = 1 << 14;

/** Bits of the f32 equal to an f16 pattern. */
function wideF16(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 31;
  let mantissa = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  // A subnormal half is a normal f32: shift until the leading bit falls off the mantissa.
  let scale = 113;
  for (; mantissa < 0x400; mantissa <<= 1) scale--;
  return sign | (scale << 23) | ((mantissa & 0x3ff) << 13);
}

/** The same memory as 32-bit patterns. */
const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);

function sameLength(input: ArrayLike<number>, out: ArrayLike<number>): void {
  if (input.length !== out.length) throw new RangeError(`expected room for ${input.length} values, got ${out.length}`);
}

/** f16 patterns to f32, exactly; NaN payloads are kept. Both arrays have the same length. */
export function widenF16(patterns: Uint16Array, out: Float32Array): void {
  sameLength(patterns, out);
  const bits = bitsOf(out);
  if (!f16Table && bits.length < MANY) {
    for (let i = 0; i < bits.length; i++) bits[i] = wideF16(patterns[i]);
    return;
  }
  if (!f16Table) {
    f16Table = new Uint32Array(65536);
    for (let half = 0; half < f16Table.length; half++) f16Table[half] = wideF16(half);
  }
  const table = f16Table;
  for (let i = 0; i < bits.length; i++) bits[i] = table[patterns[i]];
}

/** bf16 patterns to f32, exactly. Both arrays have the same length. */
export function widenBF16(patterns: Uint16Array, out: Float32Array): void {
  sameLength(patterns, out);
  const bits = bitsOf(out);
  for (let i = 0; i < bits.length; i++) bits[i] = patterns[i] << 16;
}

/** f32 to f16 patterns: nearest, ties to even; 65520 and more become infinity, 2^-25 and less zero; signs are kept. */
export function narrowF16(values: Float32Array, out: Uint16Array): void {
  sameLength(values, out);
  const bits = bitsOf(values);
  for (let i = 0; i < bits.length; i++) {
    const sign = (bits[i] >>> 16) & 0x8000;
    out[i] = sign | narrowMagnitude(bits[i] & 0x7fffffff);
  }
}

/** f16 pattern of a non-negative f32 pattern. */
function narrowMagnitude(bits: number): number {
  if (bits > 0x7f800000) return 0x7c00 | ((bits >>> 13) & 0x3ff || 0x200); // NaN stays NaN
  if (bits >= 0x477ff000) return 0x7c00;
  if (bits >= 0x38800000) return (bits - 0x38000000 + 0xfff + ((bits >>> 13) & 1)) >>> 13;
  if (bits <= 0x33000000) return 0;
  // Subnormal: count units of 2^-24.
  const shift = 126 - (bits >>> 23);
  const mantissa = (bits & 0x7fffff) | 0x800000;
  const units = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return rest > tie || (rest === tie && (units & 1) === 1) ? units + 1 : units;
}

/** f32 to bf16 patterns: nearest, ties to even, overflow to infinity; NaN stays NaN. */
export function narrowBF16(values: Float32Array, out: Uint16Array): void {
  sameLength(values, out);
  const bits = bitsOf(values);
  for (let i = 0; i < bits.length; i++) {
    const x = bits[i];
    if ((x & 0x7fffffff) > 0x7f800000) out[i] = (x >>> 16) & 0x7f ? x >>> 16 : (x >>> 16) | 0x40;
    else out[i] = (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
  }
}
