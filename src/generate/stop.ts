// Stop texts in a stream: text is handed out as soon as it cannot be the beginning of one, and everything from a stop
// text on is held back. How the stream is cut into pieces makes no difference.

import { UsageError } from '../errors.js';

/** Watches one stream of text for any of several stop texts. */
export class StopTexts {
  private waiting = '';
  private stop: string | undefined;

  /** @param texts none is fine: then all text passes at once */
  constructor(private readonly texts: readonly string[]) {
    if (texts.includes('')) throw new UsageError('expected a stop text of at least one character, got an empty one');
  }

  /** The stop text that occurred: the one that was complete first, of several the longest. */
  get found(): string | undefined {
    return this.stop;
  }

  /** Takes the next piece; returns the text that may be shown. '' for ever once a stop text has occurred. */
  push(piece: string): string {
    if (this.stop !== undefined) return '';
    const text = this.waiting + piece;
    const at = this.firstComplete(text);
    const end = at >= 0 ? at : text.length - this.heldBack(text);
    this.waiting = at >= 0 ? '' : text.slice(end);
    return text.slice(0, end);
  }

  /** The stream is over: what was held back. */
  end(): string {
    const rest = this.waiting;
    this.waiting = '';
    return rest;
  }

  /** Where the stop text that ends first begins, noting it as found; -1 if there is none. */
  private firstComplete(text: string): number {
    let begin = -1;
    let end = Number.POSITIVE_INFINITY;
    for (const stop of this.texts) {
      const at = text.indexOf(stop);
      if (at < 0 || at + stop.length > end || (at + stop.length === end && at >= begin)) continue;
      [begin, end] = [at, at + stop.length];
      this.stop = stop;
    }
    return begin;
  }

  /** Length of the longest end of `text` that begins some stop text. */
  private heldBack(text: string): number {
    let longest = 0;
    for (const stop of this.texts)
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
        if (text.endsWith(stop.slice(0, length))) longest = length;
    return longest;
  }
}
