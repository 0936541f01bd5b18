// Text while it is being generated. One token is often less than a character, and its leading space depends on what
// stands before it; so each step decodes a short window with and without the new ids and hands out the difference.

import type { Tokenizer } from './tokenizer.js';

/** A character has at most four bytes: more ids than this without a whole one will never become one. */
const longestWait = 8;

/** Turns ids, one at a time, into pieces of text that will not change any more. */
export class TextStream {
  private readonly skip: boolean;
  /** Ids already handed out (the window's start), then ids that wait. */
  private ids: number[];
  private done: number;

  /** @param context ids before the first one (the prompt): they decide about its leading space and are not handed out */
  constructor(
    private readonly tokenizer: Pick<Tokenizer, 'decode' | 'isSpecial'>,
    { context = [], skipSpecialTokens = true }: { context?: readonly number[]; skipSpecialTokens?: boolean } = {},
  ) {
    this.skip = skipSpecialTokens;
    this.ids = context.filter((id) => !this.isSkipped(id));
    this.done = this.ids.length;
  }

  /** The text that became final with `id`; '' while a character is incomplete. */
  push(id: number): string {
    if (this.isSkipped(id)) return '';
    this.ids.push(id);
    const text = this.waitingText();
    const waits = text === '' || text.endsWith('\uFFFD');
    return waits && this.ids.length - this.done <= longestWait ? '' : this.release(text);
  }

  /** What is left, incomplete characters as U+FFFD. */
  end(): string {
    return this.release(this.waitingText());
  }

  private release(text: string): string {
    // The next window begins where this piece began: a whole character, and the same space is stripped with and without.
    if (this.ids.length > this.done) this.ids = this.ids.slice(this.done);
    this.done = this.ids.length;
    return text;
  }

  private waitingText(): string {
    const before = this.decode(this.ids.slice(0, this.done));
    return this.decode(this.ids).slice(before.length);
  }

  private decode(ids: number[]): string {
    return this.tokenizer.decode(ids, { skipSpecialTokens: this.skip });
  }

  private isSkipped(id: number): boolean {
    return this.skip && this.tokenizer.isSpecial(id);
  }
}
