// Python's text functions; the values are Python 3.11's.

import { describe, expect, it } from 'vitest';
import { capitalize, characters, float, lstrip, rstrip, strip, words } from './python-text.js';

describe('float', () => {
  // python3 -c "print([str(x) for x in (…)])"
  it.each([
    [-12, '-12.0'],
    [0, '0.0'],
    [-0, '-0.0'],
    [1e-7, '1e-07'],
    [1.5e-5, '1.5e-05'],
    [0.0001, '0.0001'],
    [123456789012345680, '1.2345678901234568e+17'],
    [1e16, '1e+16'],
    [9999999999999998, '9999999999999998.0'],
    [-17.173904418945312, '-17.173904418945312'],
    [1e22, '1e+22'],
    [Infinity, 'inf'],
    [-Infinity, '-inf'],
    [Number.NaN, 'nan'],
  ])('%d is %s', (value, text) => {
    expect(float(value)).toBe(text);
  });
});

it('capitalize makes all but the first small', () => {
  const texts = ['hELLO Bob', '', 'ßA', 'ﬁX', 'éCOLE', '👍aB', 'ΑΣ'];
  expect(texts.map(capitalize)).toEqual(['Hello bob', '', 'Ssa', 'Fix', 'École', '👍ab', 'Ας']);
});

it('strips what Python calls white space', () => {
  const text = '\x1c\u2009a\ufeff\x85';
  expect([strip(text), lstrip(text), rstrip(text)]).toEqual(['a\ufeff', 'a\ufeff\x85', '\x1c\u2009a\ufeff']);
  expect([strip(' \n'), rstrip(''), lstrip('')]).toEqual(['', '', '']);
});

it('counts characters and words', () => {
  expect([characters('a😀é'), characters('')]).toEqual([3, 0]);
  expect([words(' a b\u200a\x1cc '), words('')]).toEqual([5, 1]);
});
