import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BpeMerger } from './bpe.js';

/** The definition: merge the leftmost pair of the lowest rank until there is none. */
function mergeSlowly(text: string, merges: [string, string][], vocab: Record<string, number>): string[] {
  const word = [...text].filter((c) => c in vocab);
  for (;;) {
    let best = -1;
    let bestRank = merges.length;
    for (let i = 0; i + 1 < word.length; i++) {
      const rank = merges.findIndex(([a, b]) => a === word[i] && b === word[i + 1]);
      if (rank >= 0 && rank < bestRank) [best, bestRank] = [i, rank];
    }
    if (best < 0) return word;
    word.splice(best, 2, word[best] + word[best + 1]);
  }
}

/** Merges that each make a new token out of two that are there by then. */
const merges = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 12 }).map((picks) => {
  const tokens = ['a', 'b', 'c', '👋'];
  const pairs: [string, string][] = [];
  for (const [i, j] of picks) {
    const pair: [string, string] = [tokens[i % tokens.length], tokens[j % tokens.length]];
    if (tokens.includes(pair[0] + pair[1])) continue;
    tokens.push(pair[0] + pair[1]);
    pairs.push(pair);
  }
  return { pairs, vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) };
});
const text = fc.array(fc.constantFrom('a', 'b', 'c', '👋', '?'), { maxLength: 60 }).map((c) => c.join(''));

describe('BpeMerger', () => {
  it('merges as the definition says', () => {
    fc.assert(
      fc.property(merges, fc.array(text, { maxLength: 3 }), ({ pairs, vocab }, texts) => {
        const merger = new BpeMerger({ vocab, merges: pairs, dropsUnknown: () => true });
        for (const t of texts) expect(merger.merge(t)).toEqual(mergeSlowly(t, pairs, vocab));
      }),
      { numRuns: 500 },
    );
  });

  it('keeps unknown characters apart, or drops them before merging', () => {
    const model = { vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] };
    expect(new BpeMerger({ ...model, dropsUnknown: () => false }).merge('a👋bab')).toEqual(['a', '👋', 'b', 'ab']);
    expect(new BpeMerger({ ...model, dropsUnknown: () => true }).merge('a👋bab')).toEqual(['ab', 'ab']);
  });

  it('merges equal priorities from the left, whatever their order', () => {
    const vocab = { '▁': 0, '▁▁': 1, '▁▁▁': 2, '▁▁▁▁': 3, a: 4, '▁a': 5 };
    const merges: [string, string][] = [
      ['▁', 'a'],
      ['▁', '▁'],
      ['▁▁', '▁▁'],
      ['▁▁', '▁'],
      ['▁', '▁▁'],
    ];
    const dropsUnknown = () => true;
    const ranked = new BpeMerger({ vocab, merges, dropsUnknown });
    const tied = new BpeMerger({ vocab, merges, dropsUnknown, priorities: [0, 1, 1, 1, 1] });
    expect(ranked.merge('▁'.repeat(7))).toEqual(['▁▁▁▁', '▁▁▁']);
    expect(tied.merge('▁'.repeat(7))).toEqual(['▁▁▁', '▁▁▁', '▁']);
    expect(tied.merge('▁▁▁a')).toEqual(['▁▁', '▁a']);
  });

  it('takes whole tokens whole, the longest first, and merges nothing with them', () => {
    const vocab = { a: 0, b: 1, c: 2, ab: 3, abc: 4, bc: 5, ca: 6 };
    const merges = ['b c', 'c a'];
    const merger = new BpeMerger({ vocab, merges, dropsUnknown: () => true, whole: ['ab', 'abc'] });
    expect(merger.merge('abcabcab')).toEqual(['abc', 'abc', 'ab']);
    expect(merger.merge('bcaab')).toEqual(['bc', 'a', 'ab']);
    expect(merger.merge('cab')).toEqual(['c', 'ab']);
  });

  it('refuses merges that the vocabulary does not have', () => {
    expect(() => new BpeMerger({ vocab: { a: 0, b: 1 }, merges: ['a b'], dropsUnknown: () => true })).toThrow(
      'merge 0 ("a b") is not made of tokens of the vocabulary',
    );
  });
});
