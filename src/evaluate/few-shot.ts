// Examples before the question (few-shot), drawn as the harness draws them: one generator a task, seeded once, that goes on
// from document to document.

import { PythonRandom } from '../data/random.js';
import { DataError } from '../errors.js';

/** The harness's `fewshot_random_seed`. */
export const fewShotSeed = 1234;

/** An example: its text, and what tells it from other documents. */
export interface Shot {
  text: string;
  identity: string;
}

export class FewShot {
  private readonly random = new PythonRandom(fewShotSeed);

  /**
   * @param pool the documents that examples come from
   * @param excludes whether a document is never an example of its own: where the task has no test split, the harness draws
   *   one more and leaves it out
   * @param where the file of the pool, for messages
   */
  constructor(
    private readonly pool: readonly Shot[],
    private readonly count: number,
    private readonly excludes: boolean,
    private readonly where: string,
  ) {
    const least = count + (excludes ? 1 : 0);
    if (count > 0 && pool.length < least)
      throw new DataError({
        expected: `at least ${least} documents to draw examples from`,
        got: `${pool.length}`,
        where,
      });
  }

  /** What stands before the question of the next document. */
  before(identity: string): string {
    if (this.count === 0) return '';
    const apart = (shots: readonly Shot[]) => shots.filter((shot) => shot.identity !== identity);
    let shots = this.excludes
      ? apart(this.random.sample(this.pool, this.count + 1)).slice(0, this.count)
      : this.random.sample(this.pool, this.count);
    if (shots.length < this.count) {
      const others = apart(this.pool);
      if (others.length < this.count)
        throw new DataError({
          expected: `at least ${this.count} documents that differ from the question`,
          got: `${others.length}`,
          where: this.where,
        });
      shots = this.random.sample(others, this.count);
    }
    return shots.map(({ text }) => text).join('');
  }
}
