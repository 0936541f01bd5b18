// The three requests that carry every task, as the harness's `hf` model answers them: the log-likelihood of a continuation,
// that of a whole text in windows (rolling), and a greedy generation. Texts in, numbers out; what is between, tokens, is
// split, cut and given a BOS by the harness's rules.

import { DataError } from '../errors.js';
import { continueTokens } from '../generate/generate.js';
import type { Model } from '../models/model.js';
import type { Ending } from '../models/packs.js';
import type { ScoredEnding } from '../models/predict.js';
import type { LongRunning } from '../progress.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { rstrip } from './python-text.js';

/** Whether texts begin with what the tokenizer puts before them (BOS, for many), or with nothing, as in the old harness. */
export const bosChoices = ['tokenizer', 'none'] as const;
export type Bos = (typeof bosChoices)[number];

export interface PairRequest {
  context: string;
  continuation: string;
  /** The document, for messages. */
  where: string;
}

/** Pairs between two safe points of encoding. */
const PIECE = 256;

export class Requests {
  /** Tokens that the model takes at once. */
  readonly maxLength: number;
  private readonly prefixToken: number | undefined;
  private readonly prefixText: string | null;

  constructor(
    private readonly model: Model,
    private readonly tokenizer: Tokenizer,
    private readonly bos: Bos,
  ) {
    const { max_position_embeddings, longest_sequence } = model.config;
    this.maxLength = Math.min(max_position_embeddings, longest_sequence);
    const { bos_token, eos_token } = tokenizer.specialTokens;
    const id = (token: string | undefined) => (token === undefined ? undefined : tokenizer.idOf(token));
    this.prefixToken = id(bos_token) ?? id(eos_token);
    this.prefixText =
      this.prefixToken === undefined ? null : tokenizer.decode([this.prefixToken], { skipSpecialTokens: false });
  }

  /**
   * log p(continuation | context) of each pair, and whether greedy decoding would write the continuation.
   * @param groups numbers of pairs that begin alike, such as the choices of a question
   * A continuation that is no token beyond its context (the two may merge when they are encoded together) has 0 and true, as
   * the harness gives where it does not stop.
   * @throws DataError for a continuation that does not fit into the model's context
   */
  async loglikelihood(
    pairs: readonly PairRequest[],
    groups: readonly (readonly number[])[],
    { signal, onProgress }: LongRunning = {},
  ): Promise<ScoredEnding[]> {
    const endings: Ending[] = [];
    let context = '';
    let known: number[] | undefined;
    for (const [i, pair] of pairs.entries()) {
      if (i % PIECE === 0) {
        onProgress?.({ phase: 'tokenize', done: i, total: pairs.length });
        await new Promise<void>((resolve) => setImmediate(resolve));
        signal?.throwIfAborted();
      }
      const text = rstrip(pair.context);
      if (known === undefined || text !== context) {
        context = text;
        known = text === '' ? [] : this.encode(text);
      }
      endings.push(this.endingOf(pair, text, known));
    }
    const asked = groups.map((group) => group.filter((i) => endings[i].scored > 0));
    return this.model.scoreEndings(
      endings,
      asked.filter((group) => group.length > 0),
      { signal, onScored: (done) => onProgress?.({ phase: 'evaluate', done, total: pairs.length }) },
    );
  }

  /**
   * log p(text) of each text by itself, in windows of the model's context, each with one token of the window before.
   */
  async loglikelihoodRolling(texts: readonly string[], { signal, onProgress }: LongRunning = {}): Promise<number[]> {
    const endings: Ending[] = [];
    const owners: number[] = [];
    for (const [i, text] of texts.entries()) {
      signal?.throwIfAborted();
      const ids = this.encode(text);
      const prefixed = [this.prefix(), ...ids];
      for (let done = 0; done < ids.length; done += this.maxLength) {
        const end = Math.min(done + this.maxLength, ids.length);
        // The last window reaches back as far as it can; only what no other one predicts is scored.
        const begin = Math.max(0, done === 0 ? 0 : end - this.maxLength);
        endings.push({ ids: prefixed.slice(begin, end + 1), scored: end - done });
        owners.push(i);
      }
    }
    const scores = await this.model.scoreEndings(
      endings,
      endings.map((_, e) => [e]),
      { signal, onScored: (done) => onProgress?.({ phase: 'evaluate', done, total: endings.length }) },
    );
    const sums = texts.map(() => 0);
    for (const [e, { logProbability }] of scores.entries()) sums[owners[e]] += logProbability;
    return sums;
  }

  /**
   * What greedy decoding writes after each context, up to one of the texts `until`, the end of the text, or `maxTokens`.
   * A context that leaves no room for them is cut from the left.
   * @throws DataError where the model's context has no room for `maxTokens`
   */
  async generateUntil(
    contexts: readonly string[],
    { until, maxTokens }: { until: readonly string[]; maxTokens: number },
    { signal, onProgress }: LongRunning = {},
  ): Promise<string[]> {
    if (maxTokens >= this.maxLength)
      throw new DataError({
        expected: `fewer than ${this.maxLength} new tokens (the model's context)`,
        got: `${maxTokens}`,
      });
    const texts: string[] = [];
    for (const context of contexts) {
      const ids = this.encode(context).slice(maxTokens - this.maxLength);
      const prompt = ids.length === 0 ? [this.prefix()] : ids;
      const ends = this.model.generationConfig.eos_token_id;
      const options = { temperature: 0, maxTokens, stop: until, signal };
      const { tokens } = await continueTokens(this.model, this.tokenizer, prompt, ends, options);
      // The harness decodes what is new by itself, which some tokenizers write without a blank at the beginning.
      const text = this.tokenizer.decode(tokens);
      texts.push(until.reduce((kept, stop) => kept.split(stop, 1)[0], text));
      onProgress?.({ phase: 'evaluate', done: texts.length, total: contexts.length });
    }
    return texts;
  }

  /** A text that begins with a BOS already does not get another one. */
  private encode(text: string): number[] {
    const begun = this.prefixText !== null && this.prefixText !== '' && text.startsWith(this.prefixText);
    return this.tokenizer.encode(text, { addSpecialTokens: this.bos === 'tokenizer' && !begun });
  }

  private prefix(): number {
    if (this.prefixToken !== undefined) return this.prefixToken;
    throw new DataError({
      expected: 'a tokenizer with a BOS or an EOS token, to stand where nothing is before a text',
      got: 'neither',
      where: this.model.folder,
    });
  }

  /** Context and continuation are encoded together and split where the context by itself ends (`_encode_pair`). */
  private endingOf({ context, continuation, where }: PairRequest, text: string, known: readonly number[]): Ending {
    let before = known;
    let after: number[];
    if (text === '' && known.length === 0) {
      after = this.tokenizer.encode(context + continuation, { addSpecialTokens: false });
      const prefix = this.prefix();
      before = [prefix];
      if (after[0] === prefix) after = after.slice(1);
    } else after = this.encode(context + continuation).slice(known.length);
    if (after.length > this.maxLength)
      throw new DataError({
        expected: `an answer of at most ${this.maxLength} tokens (the model's context)`,
        got: `${after.length}`,
        where,
      });
    const over = before.length + after.length - (this.maxLength + 1);
    return { ids: [...(over > 0 ? before.slice(over) : before), ...after], scored: after.length };
  }
}
