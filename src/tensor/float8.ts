// The two 8-bit float formats of checkpoints, to and from f32: E4M3, which gives up infinity for a larger range, and
// E5M2, which is an f16 cut short. Widening is exact; narrowing rounds to nearest, ties to even. What is out of range
// becomes NaN in E4M3, so that it can be refused; some versions of PyTorch write the largest number instead.

interface Format {
  mantissaBits: number;
  bias: number;
  /** The pattern behind the largest finite number: NaN in E4M3, infinity in E5M2. */
  overflow: number;
}

const e4m3: Format = { mantissaBits: 3, bias: 7, overflow: 0x7f };
const e5m2: Format = { mantissaBits: 2, bias: 15, overflow: 0x7c };

/** NaN in both formats, as PyTorch writes it. */
const notANumber = 0x7f;

/** The values of all patterns. */
function tableOf({ mantissaBits, bias, overflow }: Format): Float32Array {
  const steps = 2 ** mantissaBits;
  return Float32Array.from({ length: 256 }, (_, pattern) => {
    const magnitude = pattern & 0x7f;
    const exponent = magnitude >> mantissaBits;
    const fraction = (magnitude % steps) / steps;
    const finite = exponent ? (1 + fraction) * 2 ** (exponent - bias) : fraction * 2 ** (1 - bias);
    const last = magnitude === overflow && overflow !== notANumber ? Infinity : Number.NaN;
    return (pattern & 0x80 ? -1 : 1) * (magnitude < overflow ? finite : last);
  });
}

const e4m3Values = tableOf(e4m3);
const e5m2Values = tableOf(e5m2);

function sameLength(input: ArrayLike<number>, out: ArrayLike<number>): void {
  if (input.length !== out.length) throw new RangeError(`expected room for ${input.length} values, got ${out.length}`);
}

function widen(table: Float32Array, patterns: Uint8Array, out: Float32Array): void {
  sameLength(patterns, out);
  for (let i = 0; i < patterns.length; i++) out[i] = table[patterns[i]];
}

function narrow(format: Format, values: Float32Array, out: Uint8Array): void {
  sameLength(values, out);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const sign = (bits[i] >>> 24) & 0x80;
    out[i] = sign | narrowMagnitude(bits[i] & 0x7fffffff, Math.abs(values[i]), format);
  }
}

/** Pattern of a non-negative f32, given as its bits and its value. */
function narrowMagnitude(bits: number, value: number, { mantissaBits, bias, overflow }: Format): number {
  if (bits > 0x7f800000) return notANumber;
  if (value >= 2 ** (1 - bias)) {
    const dropped = 23 - mantissaBits;
    const tie = 2 ** (dropped - 1);
    const rounded = (bits - ((127 - bias) << 23) + tie - 1 + ((bits >>> dropped) & 1)) >>> dropped;
    return Math.min(rounded, overflow);
  }
  // Subnormal: count its steps. The product is exact, and so are its half steps.
  const steps = value * 2 ** (bias - 1 + mantissaBits);
  const below = Math.floor(steps);
  const rest = steps - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** E4M3 (finite and NaN) patterns to f32, exactly. Both arrays have the same length. */
export function widenE4M3(patterns: Uint8Array, out: Float32Array): void {
  widen(e4m3Values, patterns, out);
}

/** E5M2 patterns to f32, exactly. Both arrays have the same length. */
export function widenE5M2(patterns: Uint8Array, out: Float32Array): void {
  widen(e5m2Values, patterns, out);
}

/**
 * f32 to E4M3 patterns: nearest, ties to even; signs are kept. Above 464, infinity included, NaN, so that a caller sees
 * what does not fit; PyTorch 2.13 takes the largest number, 448, instead.
 */
export function narrowE4M3(values: Float32Array, out: Uint8Array): void {
  narrow(e4m3, values, out);
}

/** f32 to E5M2 patterns: nearest, ties to even; 61440 and more become infinity; signs are kept. */
export function narrowE5M2(values: Float32Array, out: Uint8Array): void {
  narrow(e5m2, values, out);
}
