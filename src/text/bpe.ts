// Byte-pair merging: the `model` step of a BPE tokenizer. The tokenizers library's own merge loop takes about ten
// seconds for a megabyte that no pre-tokenizer has split (as the Llama-2 kind leaves it) and lets unknown characters
// that will be dropped stand between two halves of a merge. Here: a heap of plain numbers over linked symbols, and a long
// text is merged piece by piece, cut where no merge reaches across (docs/tokenizers.md says why the tokens are the same).

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
const mostCached = 50_000;
/** Code points are below it. */
const codePoints = 0x110000;
/** Pairs of characters below it are looked up in a table of bytes. */
const common = 256;

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
  /** Pairs of characters, first·codePoints + second, that a merge or a whole token may bring together. */
  private readonly joined = new Set<number>();
  /** The same of common characters. */
  private readonly commonJoined = new Uint8Array(common * common);
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
      this.join(lastCharacter(a), b.codePointAt(0)!);
      return both;
    });
    for (const token of whole) {
      const characters = Array.from(token, (character) => character.codePointAt(0)!);
      for (let i = 1; i < characters.length; i++) this.join(characters[i - 1], characters[i]);
    }
  }

  private join(first: number, second: number): void {
    this.joined.add(first * codePoints + second);
    if (first < common && second < common) this.commonJoined[first * common + second] = 1;
  }

  /**
   * Whether a text may be cut between two neighbouring characters (code points): merging its parts then gives the tokens
   * of the text. A symbol over the cut would come of a merge whose left half ends in `first` and whose right half begins
   * with `second`, or be a whole token that has both; there is none. Both are in the vocabulary, so that no character
   * between others that is left out can make neighbours of them.
   */
  separates(first: number, second: number): boolean {
    if (first < common && second < common) {
      if (this.commonJoined[first * common + second]) return false;
    } else if (this.joined.has(first * codePoints + second)) return false;
    return this.characters.has(first) && this.characters.has(second);
  }

  /** The tokens of `text` (characters outside the vocabulary as themselves), merged by rank, ties from the left. */
  merge(text: string): string[] {
    if (text.length <= longestCached) return this.mergeCached(text);
    const result: string[] = [];
    let begin = 0;
    let before = text.codePointAt(0)!;
    for (let at = before > 0xffff ? 2 : 1; at < text.length; ) {
      const character = text.codePointAt(at)!;
      if (this.separates(before, character)) {
        for (const token of this.mergeCached(text.slice(begin, at))) result.push(token);
        begin = at;
      }
      before = character;
      at += character > 0xffff ? 2 : 1;
    }
    for (const token of this.mergeCached(text.slice(begin))) result.push(token);
    return result;
  }

  private mergeCached(text: string): string[] {
    if (text.length > longestCached) return this.mergeWhole(text);
    const known = this.cache.get(text);
    if (known) return known;
    const result = this.mergeWhole(text);
    if (this.cache.size < mostCached) this.cache.set(text, result);
    return result;
  }

  /** `merge` without cuts and without memory. */
  mergeWhole(text: string): string[] {
    const length = this.split(text);
    for (let at = 0; at + 1 < length; at++) this.offer(at);
    while (this.heapLength > 0) this.mergeAt(this.pop());
    const result: string[] = [];
    for (let at = 0; at < length; at++) {
      const symbol = this.symbols[at];
      if (symbol >= 0) result.push(this.tokens[symbol]);
      else if (symbol !== gone) result.push(String.fromCodePoint(-1 - symbol));
    }
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

function lastCharacter(text: string): number {
  const pair = text.length > 1 ? text.codePointAt(text.length - 2)! : 0;
  return pair > 0xffff ? pair : text.charCodeAt(text.length - 1);
}
