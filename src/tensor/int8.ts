// Weights as int8 with a scale for each row; ours, not part of compressed-tensors. A row's scale is max|w| / 127, rounded
// up to f32, so that no weight lies beyond ±127 scales and none is further than half a scale from what is stored for it.

/** Weights [rows, columns] as value · scale of the row. */
export interface Int8Rows {
  /** In −127..127. */
  values: Int8Array;
  /** [rows]; 0 for a row of zeros. */
  scale: Float32Array;
}

/** Added to a number of up to 2⁵¹ and taken away again it leaves the nearest whole one, of two the even one. */
const TO_EVEN = 1.5 * 2 ** 52;

/** Rounds to nearest, ties to even; the weights must be finite. */
export function toInt8(weights: Float32Array, rows: number, columns: number): Int8Rows {
  const values = new Int8Array(weights.length);
  const scale = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    const [begin, end] = [r * columns, (r + 1) * columns];
    scale[r] = roundRow(weights.subarray(begin, end), values.subarray(begin, end));
  }
  return { values, scale };
}

/** The same of one row, whose values come into `values`; returns its scale. */
export function roundRow(weights: Float32Array, values: Int8Array): number {
  let largest = 0;
  for (let i = 0; i < weights.length; i++) largest = Math.max(largest, Math.abs(weights[i]));
  if (largest === 0) {
    values.fill(0);
    return 0;
  }
  const step = scaleOf(largest);
  for (let i = 0; i < weights.length; i++) values[i] = weights[i] / step + TO_EVEN - TO_EVEN;
  return step;
}

/** The least f32 of which 127 reach `largest`. */
function scaleOf(largest: number): number {
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  value[0] = largest / 127;
  // The product is exact in f64: 24 bits times 7.
  if (value[0] * 127 < largest) bits[0]++;
  return value[0];
}
