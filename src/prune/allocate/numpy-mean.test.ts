// The mean to its last bit: counts of weights are truncated from it. Expected values are numpy's own, from
//   python3 -c "import numpy as np; [print(n, repr(float(np.mean([(i*7919+12345)%10007/10007 for i in range(n)])))) for n in (3,8,13,127,129,300)]"
// Where the order matters (see the second test) a sum from left to right differs in its last digits.

import { describe, expect, it } from 'vitest';
import { numpyMean } from './numpy-mean.js';

const means = new Map([
  [3, 0.35831584557476437],
  [8, 0.5033476566403517],
  [13, 0.5201743395008109],
  [127, 0.49788691223230364],
  [129, 0.4999391898539239],
  [300, 0.4998720895373238],
]);

const values = (n: number) => Float64Array.from({ length: n }, (_, i) => ((i * 7919 + 12345) % 10007) / 10007);

describe('numpyMean', () => {
  it.each([...means])('of %i values', (n, mean) => {
    expect(numpyMean(values(n))).toBe(mean);
  });

  it('is not the mean from left to right', () => {
    const differs = [...means.keys()].filter((n) => values(n).reduce((a, b) => a + b, 0) / n !== means.get(n));
    expect(differs).toEqual([129, 300]);
  });

  it('of a view counts only what the view shows', () => {
    expect(numpyMean(values(300).subarray(0, 129))).toBe(means.get(129));
  });
});
