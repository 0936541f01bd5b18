// Templates: what they fill in, each filter, and what is refused.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../errors.js';
import { Template } from './template.js';

const fill = (source: string, values: Record<string, string> = {}) =>
  new Template(source, 'task "t", context').fill(new Map(Object.entries(values)));

describe('Template', () => {
  it('fills in columns and leaves all else as it is', () => {
    expect(fill('{a} {{ a }}\n{{b.c}}}}', { a: 'x', 'b.c': '{{a}}' })).toBe('{a} x\n{{a}}}}');
    expect(fill('')).toBe('');
    expect([...new Template('{{a}} {{b | strip}} {{a}}', '').names]).toEqual(['a', 'b']);
  });

  it.each([
    ['{{t | strip}}', ' a ', 'a'],
    ['{{t | lstrip}}|{{t | rstrip}}', ' a ', 'a | a'],
    ['{{t | lower}}{{t | upper}}', 'aB', 'abAB'],
    ['{{t | capitalize}}', 'hELLO', 'Hello'],
    ['{{t | uncapitalize}}', 'HELLO', 'hELLO'],
    ["{{t | replace('a', '$&')}}", 'aba', '$&b$&'],
    ["{{t | replace('  ', ' ')}}", 'a   b', 'a  b'],
    ["{{t | removeprefix('ab')}}", 'abab', 'ab'],
    ["{{t | removesuffix('ab')}}", 'abab', 'ab'],
    ["{{t | before('_')}}-{{t | after('_')}}", 'a_b_c', 'a-b_c'],
    ["{{t | before_last('_')}}-{{t | after_last('_')}}", 'a_b_c', 'a_b-c'],
    ["{{t | before('_')}}-{{t | after('_')}}", 'abc', 'abc-'],
    ["{{t | before_last('_')}}-{{t | after_last('_')}}", 'abc', '-abc'],
    ['{{t | without_last}}', 'ab😀', 'ab'],
    ['{{t | replace("|", \'x\') | strip}}', ' | ', 'x'],
  ])('%s of %j is %j', (source, t, expected) => {
    expect(fill(source, { t })).toBe(expected);
  });

  // python3 -c 'import re; print(re.sub("\\[.*?\\]", "", text))'
  it.each([
    ['a [b] c', 'a  c'],
    ['[[x]]', ']'],
    ['[a\nb] [c]', '[a\nb] '],
    [']a[', ']a['],
    ['[a] [b', ' [b'],
    ['x[]y', 'xy'],
  ])('without_brackets of %j is %j', (t, expected) => {
    expect(fill('{{t | without_brackets}}', { t })).toBe(expected);
  });

  it('without_brackets is the regular expression, and quick where that is not', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('[', ']', 'a', '\n') }), (t) => {
        expect(fill('{{t | without_brackets}}', { t })).toBe(t.replace(/\[[^\n]*?\]/g, ''));
      }),
    );
    const long = '['.repeat(1_000_000);
    expect(fill('{{t | without_brackets}}', { t: long })).toBe(long);
  });

  it.each([
    ['{{ }}', 'expected {{ column }} or {{ column | filter }}, got "{{ }}", in task "t", context'],
    ['{{a b}}', 'expected {{ column }} or {{ column | filter }}, got "{{a b}}", in task "t", context'],
    ['{{a | 1 +}}', 'expected a filter, such as strip or before(\'_\'), got "1 +", in task "t", context'],
    ['{{a | replace("a")}}', 'expected 2 arguments of replace, got 1, in task "t", context'],
    ["{{a | before('')}}", 'expected a text in the first argument of before, got "", in task "t", context'],
    ["{{a | strip('x')}}", 'expected 0 arguments of strip, got 1, in task "t", context'],
  ])('refuses %s', (source, message) => {
    expect(() => fill(source, { a: 'x' })).toThrow(DataError);
    expect(() => fill(source, { a: 'x' })).toThrow(message);
  });

  it('names the filter that was meant', () => {
    expect(() => fill('{{a | capitalise}}')).toThrow(
      /got "capitalise"; did you mean capitalize\?, in task "t", context$/,
    );
    expect(() => fill('{{a | constructor}}')).toThrow(/^expected a filter among strip, /);
  });
});
