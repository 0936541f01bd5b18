// Byte-pair merging: the `model` step of a BPE tokenizer. The tokenizers library's own merge loop takes about ten
// seconds for a megabyte that no pre-tokenizer has split (as the Llama-2 kind leaves it) and lets unknown characters
// that will be dropped stand between two halves of a merge. Here: a heap of plain numbers over linked symbols.

/** What sentencepiece's merging knows and tokenizer.json has no words for. */
export interface Merging {
  /** Of each merge: the lowest goes first, of equals the leftmost; without it, their order. */
  priorities?: ArrayLike<number> | undefined;
  /** Tokens that are taken whole wherever they occur, the longest first, and never merged. */
  whole?: readonly string[] | undefined;
}

/** What is needed of the `model` section of tokenizer.json. */
export interface BpeModel extends Merging {
  vocab: Readonly<Record<string, number>>;
  /** In order of rank; `"a b"` or `["a", "b"]`. */
  merges: readonly (string | readonly [string, string])[];
  /** Whether a character that is not in the vocabulary is left out before merging (else it comes back as itself). */
  dropsUnknown: (character: string) => boolean;
}

/** Heap keys are priority·2³² + position, so that equal priorities merge from left to right. */
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
  private readonly priorities: ArrayLike<number> | undefined;
  private readonly whole = new Map<string, number>();
  /** First UTF-16 unit → lengths of the whole tokens that begin with it, long ones first. */
  private readonly wholeLengths = new Map<number, number[]>();
  private readonly cache = new Map<string, string[]>();
  /** Ids; a character outside the vocabulary is -1 - its code point. */
  private symbols = new Int32Array(0);
  private next = new Int32Array(0);
  private previous = new Int32Array(0);
  private heap = new Float64Array(0);
  private heapLength = 0;

  /** @throws Error where a merge speaks of tokens that the vocabulary does not have */
  constructor({ vocab, merges, dropsUnknown, priorities, whole = [] }: BpeModel) {
    const ids = new Map(Object.entries(vocab));
    this.dropsUnknown = dropsUnknown;
    this.priorities = priorities;
    for (const token of [...whole].sort((a, b) => b.length - a.length)) {
      this.whole.set(token, ids.get(token)!);
      const lengths = this.wholeLengths.get(token.charCodeAt(0)) ?? [];
      if (lengths.at(-1) !== token.length) lengths.push(token.length);
      this.wholeLengths.set(token.charCodeAt(0), lengths);
    }
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
    for (let i = 0; i < text.length; ) {
      const whole = this.wholeLengths.get(text.charCodeAt(i))?.find((n) => this.whole.has(text.slice(i, i + n)));
      const character = text.codePointAt(i)!;
      const id = whole ? this.whole.get(text.slice(i, i + whole)) : this.characters.get(character);
      i += whole ?? (character > 0xffff ? 2 : 1);
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
    const offered = (key - at) / positions;
    const now = this.rankAt(at);
    // The pair may have changed since it was offered. As in the Rust library, the token it makes decides; among merges of
    // one priority any pair may be taken, for it was offered too.
    if (now === undefined) return;
    if (this.priorities ? this.priorities[now] !== offered : this.merged[now] !== this.merged[offered]) return;
    const after = this.next[at];
    const beyond = this.next[after];
    this.symbols[at] = this.merged[now];
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
    const key = (this.priorities?.[rank] ?? rank) * positions + at;
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
