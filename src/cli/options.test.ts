// Numbers of bytes as a person writes them, and what is none.

import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.js';
import { bytes } from './options.js';

describe('bytes', () => {
  const option = bytes('--search-memory <BYTES>', 'for waiting states', 2 ** 30);
  const parsed = (text: string) => option.parseArg?.(text, undefined);

  it('has its default in the help, and only there', () => {
    expect(option.description).toBe('for waiting states (default: 1GiB)');
    expect(option.defaultValue).toBeUndefined();
  });

  it.each<[string, number]>([
    ['512', 512],
    ['0', 0],
    ['12B', 12],
    ['1k', 1e3],
    ['512MB', 512e6],
    ['2mib', 2 * 2 ** 20],
    ['4GiB', 4 * 2 ** 30],
    ['16 KiB', 16 * 2 ** 10],
    ['1.5g', 1.5e9],
    ['0.5Gi', 2 ** 29],
    ['1.1k', 1100],
    ['0.3KiB', 307], // 307.2
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%s is %i', (text, value) => {
    expect(parsed(text)).toBe(value);
  });

  it.each([
    '',
    'MB',
    '-1',
    '+1',
    '1e9',
    '1.',
    '.5g',
    '4TB',
    '4 G B',
    '4GiBs',
    '4iB',
    '0x10',
    '1,5g',
    ' 4g',
    'Infinity',
  ])('refuses "%s"', (text) => {
    expect(() => parsed(text)).toThrow(
      new UsageError(`expected --search-memory to be a number of bytes such as 512MB or 4GiB, got "${text}"`),
    );
  });

  it('refuses more than a number holds exactly', () => {
    expect(() => parsed('9007199254740992')).toThrow(UsageError);
    expect(() => parsed('8388608GiB')).toThrow(UsageError);
  });
});
