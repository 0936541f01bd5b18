// Where a figure was measured: no figure stands without it.

import { cpus } from 'node:os';

/** One line: processor, cores, Node, date. */
export function machine() {
  const all = cpus();
  return `${all[0]?.model.trim() ?? 'unknown processor'}, ${all.length} logical cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`;
}

/** The middle value. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
