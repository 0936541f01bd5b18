// Which entries a mask removes, by sorting the scores: the definition that every faster selection must reproduce.
// Scores are rounded to f32, unlike all else here: a tie is a tie of f32 numbers, and masks are compared exactly.

import type { Tensor } from '../../tensor/tensor.js';
import type { Backend, Scores } from '../backend.js';
import { checkMask } from '../shapes.js';
import { elements } from './storage.js';

/** Masking of the reference backend. */
export const mask: Backend['mask'] = (out, weight, by, selection) => {
  checkMask(out, weight, by, selection);
  const [result, w, columns] = [elements(out), elements(weight), weight.columns];
  const scores = scoresOf(weight, by);
  result.set(w);
  const remove = (positions: number[]) => {
    for (const i of positions) result[i] = 0;
  };

  if (selection.kind === 'layer') {
    const threshold = [...scores].sort((a, b) => a - b)[selection.rank];
    remove([...scores.keys()].filter((i) => scores[i] <= threshold));
  } else if (selection.kind === 'count') {
    remove(ascending([...scores.keys()], scores).slice(0, selection.prune));
  } else if (selection.kind === 'n:m') {
    for (const group of groups(scores.length, selection.m)) remove(ascending(group, scores).slice(0, selection.n));
  } else if (selection.kind === 'row') {
    for (const row of groups(scores.length, columns)) remove(ascending(row, scores).slice(0, selection.prune));
  } else {
    const keep = elements(selection.keep);
    for (const [r, row] of groups(scores.length, columns).entries()) {
      const order = selection.ties === 'keep-lower' ? descending(row, scores) : ascending(row, scores).reverse();
      remove(order.slice(keep[r]));
    }
  }
};

/** The score of every entry, each product rounded as the interface has it. */
function scoresOf(weight: Tensor<'f32'>, { of, column, row }: Scores): number[] {
  const { fround } = Math;
  const [columns, rows] = [column, row].map((factors) => (factors === null ? null : elements(factors)));
  return Array.from(elements(of ?? weight), (value, i) => {
    const factor = fround(
      fround(rows?.[Math.floor(i / weight.columns)] ?? 1) * fround(columns?.[i % weight.columns] ?? 1),
    );
    return fround(fround(Math.abs(value)) * factor);
  });
}

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
