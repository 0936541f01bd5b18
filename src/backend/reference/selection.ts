// Which weights a mask removes, by sorting the scores: the definition that every faster selection must reproduce.
// Scores are rounded to f32, unlike all else here: a tie is a tie of f32 numbers, and masks are compared exactly.

import type { Backend } from '../backend.js';
import { checkMask } from '../shapes.js';
import { elements } from './storage.js';

/** Masking of the reference backend. */
export const mask: Backend['mask'] = (out, weight, columnScale, selection) => {
  checkMask(out, weight, columnScale, selection);
  const [result, w, columns] = [elements(out), elements(weight), weight.columns];
  const scale = columnScale === null ? null : elements(columnScale);
  const scores = Array.from(w, (value, i) => {
    const magnitude = Math.fround(Math.abs(value));
    return scale === null ? magnitude : Math.fround(magnitude * Math.fround(scale[i % columns]));
  });
  result.set(w);
  const remove = (positions: number[]) => {
    for (const i of positions) result[i] = 0;
  };

  if (selection.kind === 'layer') {
    const threshold = [...scores].sort((a, b) => a - b)[selection.rank];
    remove([...scores.keys()].filter((i) => scores[i] <= threshold));
  } else if (selection.kind === 'n:m') {
    for (const group of groups(scores.length, selection.m)) remove(ascending(group, scores).slice(0, selection.n));
  } else if (selection.kind === 'row') {
    for (const row of groups(scores.length, columns)) remove(ascending(row, scores).slice(0, selection.prune));
  } else {
    const keep = elements(selection.keep);
    for (const [r, row] of groups(scores.length, columns).entries()) remove(descending(row, scores).slice(keep[r]));
  }
};

/** The positions 0 … size − 1 in consecutive groups. */
function groups(size: number, length: number): number[][] {
  return Array.from({ length: size / length }, (_, g) => Array.from({ length }, (_, i) => g * length + i));
}

/** Smallest score first; Array.sort is stable, so of equal scores the lower position comes first. */
function ascending(positions: number[], scores: number[]): number[] {
  return [...positions].sort((a, b) => scores[a] - scores[b]);
}

/** Largest score first; of equal scores the lower position comes first here too. */
function descending(positions: number[], scores: number[]): number[] {
  return [...positions].sort((a, b) => scores[b] - scores[a]);
}
