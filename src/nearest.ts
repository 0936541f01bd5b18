// Finds what a misspelt word probably meant, so that an error can say so.

/** The word of `known` closest to `word`; undefined where none resembles it. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = 0.5;
  for (const candidate of known) {
    const [a, b] = [bare(word), bare(candidate)];
    const share = distance(a, b) / Math.max(a.length, b.length, 1);
    if (share < least || (a.length > 2 && b.startsWith(a) && best === undefined)) {
      least = Math.min(share, least);
      best = candidate;
    }
  }
  return best;
}

/** `; did you mean X?`, or nothing where no word of `known` resembles it. */
export function didYouMean(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

const bare = (word: string) => word.slice(0, 64).replace(/^-+/, '').toLowerCase();

/** Insertions, deletions, replacements and swaps of neighbours that turn a into b. */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...new Array<number>(b.length).fill(0)]);
  for (let j = 1; j <= b.length; j++) rows[0][j] = j;
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  return rows[a.length][b.length];
}
