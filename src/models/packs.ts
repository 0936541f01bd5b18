// What goes through the blocks together when many endings are asked for: endings with the same beginning (the answers to one
// question) share its rows, so that each beginning is computed once, and sequences of any lengths fill one pass.
// A beginning and its endings lie one after another in the rows: [beginning | longest tail | next tail | …].

import type { Span } from './graph.js';

/** A sequence of token ids of which the last `scored` are to be predicted, each from all before it. */
export interface Ending {
  /** At least `scored` + 1. */
  ids: readonly number[];
  scored: number;
}

/** One token that a row is to predict. */
export interface Prediction {
  /** Its number. */
  ending: number;
  /** Among the scored rows of the pack. */
  row: number;
  target: number;
  /** 0 for the first target of a row, 1 for the next one, … */
  round: number;
}

/** Rows of one pass. */
export interface Pack {
  ids: number[];
  spans: Span[];
  /** Tokens of its longest sequence. */
  longest: number;
  /** The rows that predict something, as stretches [from, to), in order. */
  scored: [number, number][];
  /** Of each ending in the order of its tokens. */
  predictions: Prediction[];
  /** Endings in the pack. */
  count: number;
}

/** Endings on one beginning. */
interface Tree {
  shared: readonly number[];
  /** Distinct tails with the endings that have them, the longest first. */
  tails: { ids: readonly number[]; endings: number[] }[];
  rows: number;
}

/**
 * Packs of at most `mostRows` rows (one tree more where a sequence alone has more), the longest trees first.
 * @param groups numbers of endings that probably begin alike
 * @param regimeOf sequences of lengths with the same text here have the same positions (`Graph.positionsOf`)
 */
export function makePacks(
  endings: readonly Ending[],
  groups: readonly (readonly number[])[],
  mostRows: number,
  regimeOf: (length: number) => string,
): Pack[] {
  const regimes = new Map<string, Tree[]>();
  for (const group of groups) {
    for (const [regime, members] of grouped(group, (e) => regimeOf(inputLength(endings[e])))) {
      const trees = regimes.get(regime) ?? [];
      trees.push(...treesOf(endings, members, mostRows));
      regimes.set(regime, trees);
    }
  }
  return [...regimes.values()].flatMap((trees) => {
    const packs: Tree[][] = [];
    let room = 0;
    for (const tree of trees.sort((a, b) => b.rows - a.rows)) {
      if (tree.rows > room || packs.length === 0) {
        packs.push([]);
        room = mostRows;
      }
      packs[packs.length - 1].push(tree);
      room -= tree.rows;
    }
    return packs.map((pack) => packOf(endings, pack));
  });
}

/** Tokens that go in: the last one is only predicted. */
const inputLength = ({ ids }: Ending) => ids.length - 1;

function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

/** The tree of a group; several, each with the beginning anew, where it has more than `mostRows` rows. */
function treesOf(endings: readonly Ending[], group: readonly number[], mostRows: number): Tree[] {
  const first = endings[group[0]].ids;
  let common = Math.min(...group.map((e) => inputLength(endings[e])));
  for (const e of group) {
    const { ids } = endings[e];
    let t = 0;
    while (t < common && ids[t] === first[t]) t++;
    common = t;
  }
  const shared = first.slice(0, common);
  const distinct = new Map<string, Tree['tails'][number]>();
  for (const e of group) {
    const ids = endings[e].ids.slice(common, -1);
    const key = ids.join();
    const known = distinct.get(key);
    if (known) known.endings.push(e);
    else distinct.set(key, { ids, endings: [e] });
  }
  const trees: Tree[] = [];
  for (const tail of [...distinct.values()].sort((a, b) => b.ids.length - a.ids.length)) {
    const tree = trees.at(-1);
    // Nothing shared: each is a sequence by itself.
    if (!tree || common === 0 || tree.rows + tail.ids.length > mostRows)
      trees.push({ shared, tails: [tail], rows: common + tail.ids.length });
    else {
      tree.tails.push(tail);
      tree.rows += tail.ids.length;
    }
  }
  return trees;
}

function packOf(endings: readonly Ending[], trees: readonly Tree[]): Pack {
  const ids: number[] = [];
  const spans: Span[] = [];
  /** Targets of each row, each once. */
  const targets = new Map<number, number[]>();
  const predictions: Prediction[] = [];
  let longest = 0;
  let count = 0;
  const place = (from: number, start: number, base: number, added: readonly number[]) => {
    if (added.length === 0) return;
    spans.push({ from, to: from + added.length, start, base });
    for (const id of added) ids.push(id);
  };
  for (const { shared, tails } of trees) {
    const base = ids.length;
    place(base, 0, base, shared);
    for (const tail of tails) {
      const from = ids.length;
      place(from, shared.length, base, tail.ids);
      for (const ending of tail.endings) {
        const { ids: all, scored } = endings[ending];
        const length = all.length - 1;
        longest = Math.max(longest, length);
        count++;
        for (let t = length - scored; t < length; t++) {
          const row = t < shared.length ? base + t : from + t - shared.length;
          const known = targets.get(row) ?? [];
          let round = known.indexOf(all[t + 1]);
          if (round < 0) round = known.push(all[t + 1]) - 1;
          targets.set(row, known);
          predictions.push({ ending, row, target: all[t + 1], round });
        }
      }
    }
  }
  const scored: [number, number][] = [];
  const places = new Map<number, number>();
  for (const row of [...targets.keys()].sort((a, b) => a - b)) {
    places.set(row, places.size);
    const last = scored.at(-1);
    if (last && last[1] === row) last[1]++;
    else scored.push([row, row + 1]);
  }
  for (const prediction of predictions) prediction.row = places.get(prediction.row) as number;
  return { ids, spans, longest, scored, predictions, count };
}
