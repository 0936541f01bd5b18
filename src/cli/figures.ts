// How figures and tables look to a person.

import { styleText } from 'node:util';

/** 1673344 → 1,673,344 */
export const grouped = (n: number): string => n.toLocaleString('en-US');

/** 0.7031 → 70.3 % */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** 3355192 → 3.4 MB */
export function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** 1 → 1 thread, 2 → 2 threads */
export const threadsText = (threads: number): string => `${threads} ${threads === 1 ? 'thread' : 'threads'}`;

/** Seconds since a `performance.now()`, to the millisecond. */
export const secondsSince = (started: number): number => Math.round(performance.now() - started) / 1000;

/** Lines of aligned columns: the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}

/** Styled where stdout is a terminal that wants colours. */
export function styled(style: 'bold' | 'dim' | 'green' | 'red', text: string): string {
  return process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb' ? styleText(style, text) : text;
}

/** A word of a shell command, quoted where it has to be. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
