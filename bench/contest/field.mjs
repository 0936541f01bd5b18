// The contestants of a run: which of them are out, and why. A peer may drop out, and the run goes on without it.

const titleOf = ({ name, simd, threads }) => [name, simd, `${threads}t`].filter(Boolean).join(' ');

export class Field {
  #contestants;
  #leftOut = new Map();
  /** What the contestants say they are. */
  about = new Set();

  constructor(contestants) {
    this.#contestants = contestants;
  }

  /** Those that are still in. */
  get in() {
    return this.#contestants.filter((c) => !this.#leftOut.has(c));
  }

  /** A sentence for each that is out. */
  get reasons() {
    return [...this.#leftOut].map(([contestant, reason]) => `Left out: ${titleOf(contestant)} (${reason}).`);
  }

  /** Out for good; without our own there is no benchmark. */
  drop(contestant, error) {
    if (contestant.own) throw new Error(`${titleOf(contestant)}: ${error.message}`, { cause: error });
    if (this.#leftOut.has(contestant)) return;
    this.#leftOut.set(contestant, error.message);
    console.error(`left out: ${titleOf(contestant)}: ${error.message}`);
  }

  async open(job) {
    for (const contestant of this.in)
      try {
        this.about.add(await contestant.open(job));
      } catch (error) {
        this.drop(contestant, error);
      }
  }

  stop() {
    return Promise.all(this.#contestants.map((c) => c.stop()));
  }
}
