import { expect, it } from 'vitest';
import { strftime } from './strftime.js';

// python3 -c "import datetime as d; print(d.datetime(2026, 3, 7, 9, 5, 2).strftime(FORMAT))"
it.each([
  ['%d %b %Y', '07 Mar 2026'],
  ['%A, %B %-d; %a %e', 'Saturday, March 7; Sat  7'],
  ['%Y-%m-%d %H:%M:%S', '2026-03-07 09:05:02'],
  ['%F %T', '2026-03-07 09:05:02'],
  ['%I %p %-I %j %-j %y', '09 AM 9 066 66 26'],
  ['100%% %', '100% %'],
])('writes %j as Python does', (format, expected) => {
  expect(strftime(new Date(2026, 2, 7, 9, 5, 2), format)).toBe(expected);
});

it('leaves what it does not know, and counts days over the change of clocks', () => {
  expect(strftime(new Date(2026, 0, 1), '%Q %-Q %constructor')).toBe('%Q %-Q %constructor');
  expect(strftime(new Date(2024, 11, 31, 23, 59), '%j %I %p')).toBe('366 11 PM');
  expect(strftime(new Date(2026, 6, 1, 0, 0), '%j %I %p')).toBe('182 12 AM');
});
