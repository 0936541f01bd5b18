// Sum and mean of an array as numpy computes them. The schedules of the published code use them, and a weight count is
// truncated from the result: with another order of summation a count can fall to the other side of a whole number.

/** Mean in numpy's pairwise order of summation. */
export function numpyMean(values: Float64Array): number {
  return numpySum(values) / values.length;
}

/** Sum in that order. */
export function numpySum(values: Float64Array): number {
  const n = values.length;
  if (n < 8) return values.reduce((sum, v) => sum + v, 0);
  if (n > 128) {
    const half = Math.floor(n / 2) - (Math.floor(n / 2) % 8);
    return numpySum(values.subarray(0, half)) + numpySum(values.subarray(half));
  }
  const lanes = values.slice(0, 8);
  const whole = n - (n % 8);
  for (let i = 8; i < whole; i++) lanes[i % 8] += values[i];
  const [a, b, c, d, e, f, g, h] = lanes;
  return values.subarray(whole).reduce((sum, v) => sum + v, a + b + (c + d) + (e + f + (g + h)));
}
