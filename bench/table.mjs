// Results as tables, printed as text or as Markdown: the same rows in both.

import { median } from './machine.mjs';

/** Three significant digits, and no fewer before the point. */
export const figure = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** Median (least–most). */
export const spread = (values) =>
  `${figure(median(values))} (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;

/** How many times as long as ours theirs took: the median of the rounds; a dash where there is nothing to compare. */
export const ratio = (theirs, ours) => (theirs ? `${figure(median(theirs.map((t, i) => t / ours[i])))}×` : '–');

export const percent = (share) => `${(100 * share).toFixed(0)} %`;

/** @param table { title, notes: string[], head: string[], rows: string[][] } */
export function textOf({ title, notes, head, rows }) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const lines = [head, ...rows].map((row) => row.map((cell, i) => cell.padEnd(widths[i])).join('  '));
  return [title, ...notes, '', ...lines.map((line) => line.trimEnd()), ''].join('\n');
}

export function markdownOf({ title, notes, head, rows }) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const paragraphs = notes.flatMap((note) => [note, '']);
  return [`### ${title}`, '', ...paragraphs, line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n');
}
