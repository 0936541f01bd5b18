// A mark of a range of bytes that go by, a checksum against accidents: ranges with equal bytes have equal marks, and what differs
// by chance has another one. It tells whether two tensors are the same without holding either.

/** Two multiplicative hashes of 32 bits (FNV-1a, and the same with another prime), a byte at a time. */
export class Mark {
  #a = 0x811c9dc5;
  #b = 0x9747b28c;

  /** @param begin, end the range in its file */
  constructor(
    private readonly begin: number,
    private readonly end: number,
  ) {}

  /** Bytes of the file from `position` on, in order and without gaps. */
  add(bytes: Uint8Array, position: number): void {
    const from = Math.max(0, this.begin - position);
    const to = Math.min(bytes.length, this.end - position);
    let [a, b] = [this.#a, this.#b];
    for (let i = from; i < to; i++) {
      a = Math.imul(a ^ bytes[i], 0x01000193);
      b = Math.imul(b ^ bytes[i], 0x85ebca6b);
      b ^= b >>> 13;
    }
    this.#a = a;
    this.#b = b;
  }

  get text(): string {
    return `${this.end - this.begin} ${this.#a >>> 0} ${this.#b >>> 0}`;
  }
}
