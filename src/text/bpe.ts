// Byte-pair merging: the `model` step of a BPE tokenizer. The tokenizers library's own merge loop takes about ten
// seconds for a megabyte that no pre-tokenizer has split (as the Llama-2 kind leaves it) and lets unknown characters
// that will be dropped stand between two halves of a merge. Here: a heap of plain numbers over linked symbols.

/** What is needed of the `model` section of tokenizer.json. */
export interface BpeModel {
  vocab: Readonly<Record<string, number>>;
  /** In order of rank; `"a b"` or `["a", "b"]`. */
  merges: readonly (string | readonly [string, string])[];
  /** Whether a character that is not in the vocabulary is left out before merging (else it comes back as itself). */
  dropsUnknown: (character: string) => boolean;
}

/** Heap keys are rank·2³² + position, so that equal ranks merge from left to right. */
const positions = 2 ** 32;
/** Symbol of a position that was merged into the one before it. */
const gone = -(2 ** 31);
const longestCached = 64;
const mostCached = 20_000;

/** Merges one word (or a whole text) at a time; buffers and a cache of short words are kept between calls. */
export class BpeMerger {
  private readonly tokens: string[] = [];
  private readonly characters = new Map<number, number>();
  /** left·size + right → rank. */
  private readonly ranks = new Map<number, number>();
  private readonly merged: Int32Array;
  private readonly size: number;
  private readonly dropsUnknown: BpeModel['dropsUnknown'];
  private readonly cache = new Map<string, string[]>();
  /** Ids; a character outside the vocabulary is -1 - its code point. */
  private symbols = new Int32Array(0);
  private next = new Int32Array(0);
  private previous = new Int32Array(0);
  private heap = new Float64Array(0);
  private heapLength = 0;

  /** @throws Error where a merge speaks of tokens that the vocabulary does not have */
  constructor({ vocab, merges, dropsUnknown }: BpeModel) {
    const ids = new Map(Object.entries(vocab));
    this.dropsUnknown = dropsUnknown;
    for (const [token, id] of ids) {
      this.tokens[id] = token;
      const first = token.codePointAt(0);
      if (first !== undefined && String.fromCodePoint(first) === token) this.characters.set(first, id);
    }
    this.size = this.tokens.length;
    this.merged = Int32Array.from(merges, (merge, rank) => {
      const [a, b] = typeof merge === 'string' ? (merge.split(' ', 2) as [string, string]) : merge;
      const [left, right, both] = [ids.get(a), ids.get(b), ids.get(a + b)];
      if (left === undefined || right === undefined || both === undefined)
        throw new Error(`merge ${rank} (${JSON.stringify(merge)}) is not made of tokens of the vocabulary`);
      this.ranks.set(left * this.size + right, rank);
      return both;
    });
  }

  /** The tokens of `text` (characters outside the vocabulary as themselves), merged by rank, ties from the left. */
  merge(text: string): string[] {
    const known = this.cache.get(text);
    if (known) return known;
    const length = this.split(text);
    for (let at = 0; at + 1 < length; at++) this.offer(at);
    while (this.heapLength > 0) this.mergeAt(this.pop());
    const result: string[] = [];
    for (let at = 0; at < length; at++) {
      const symbol = this.symbols[at];
      if (symbol >= 0) result.push(this.tokens[symbol]);
      else if (symbol !== gone) result.push(String.fromCodePoint(-1 - symbol));
    }
    if (text.length <= longestCached && this.cache.size < mostCached) this.cache.set(text, result);
    return result;
  }

  /** Fills symbols and links with the characters of `text`; the number of symbols. */
  private split(text: string): number {
    this.reserve(text.length);
    let length = 0;
    for (let i = 0; i < text.length; i++) {
      const character = text.codePointAt(i)!;
      if (character > 0xffff) i++;
      const id = this.characters.get(character);
      if (id === undefined && this.dropsUnknown(String.fromCodePoint(character))) continue;
      this.symbols[length] = id ?? -1 - character;
      this.previous[length] = length - 1;
      this.next[length] = length + 1;
      length++;
    }
    if (length > 0) this.next[length - 1] = -1;
    return length;
  }

  private reserve(length: number): void {
    if (this.symbols.length >= length) return;
    const room = Math.max(length, 1024);
    this.symbols = new Int32Array(room);
    this.next = new Int32Array(room);
    this.previous = new Int32Array(room);
    // Each of at most `room` merges takes one pair off and offers at most two.
    this.heap = new Float64Array(2 * room);
  }

  private rankAt(at: number): number | undefined {
    const after = this.next[at];
    if (after < 0) return undefined;
    const left = this.symbols[at];
    const right = this.symbols[after];
    return left < 0 || right < 0 ? undefined : this.ranks.get(left * this.size + right);
  }

  private mergeAt(key: number): void {
    const at = key % positions;
    const rank = (key - at) / positions;
    const now = this.rankAt(at);
    // The pair may have changed since it was offered; as in the Rust library, the token it makes decides.
    if (now === undefined || this.merged[now] !== this.merged[rank]) return;
    const after = this.next[at];
    const beyond = this.next[after];
    this.symbols[at] = this.merged[rank];
    this.symbols[after] = gone;
    this.next[at] = beyond;
    if (beyond >= 0) this.previous[beyond] = at;
    if (this.previous[at] >= 0) this.offer(this.previous[at]);
    this.offer(at);
  }

  private offer(at: number): void {
    const rank = this.rankAt(at);
    if (rank === undefined) return;
    const { heap } = this;
    const key = rank * positions + at;
    let i = this.heapLength++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent] <= key) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = key;
  }

  private pop(): number {
    const { heap } = this;
    const top = heap[0];
    const key = heap[--this.heapLength];
    let i = 0;
    for (let child = 1; child < this.heapLength; child = 2 * i + 1) {
      if (child + 1 < this.heapLength && heap[child + 1] < heap[child]) child++;
      if (heap[child] >= key) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = key;
    return top;
  }
}
