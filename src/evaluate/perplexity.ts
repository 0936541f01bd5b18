// Perplexity by the protocol of GPTQ, SparseGPT and Wanda (§11 of the algorithms page): windows that do not overlap,
// exp of the mean over windows of each window's mean cross-entropy.

import { embeddedTexts } from '../checkpoint/embedded.js';
import { c4Documents } from '../data/evaluation.js';
import type { Source } from '../data/kinds.js';
import { readSource } from '../data/source.js';
import { evaluationWindows } from '../data/windows.js';
import { CheckpointError } from '../errors.js';
import { checkSeqLen, checkWindowLengths, defaultSeqLen } from '../models/context-length.js';
import type { Model } from '../models/model.js';
import type { LongRunning } from '../progress.js';

export interface PerplexityOptions extends LongRunning {
  /** Tokens of a window; the model's own maximum, at most 2048, where it is left out. */
  seqLen?: number | undefined;
  /** Windows to use at most. */
  limit?: number | undefined;
}

export interface PerplexityResult {
  perplexity: number;
  /** Mean over windows of the mean negative log-likelihood of a token, in nats. */
  nll: number;
  /** Windows used. */
  windows: number;
  seqLen: number;
  /** In the whole text. */
  tokens: number;
  /**
   * What may be compared with what: `wanda-T`, the published code's on WikiText-2, C4 or PTB with windows of T tokens;
   * `text-T`, the same on any other text; `windows`, on given token windows. Where less was used than that takes, how
   * much: `wanda-T, 20 of 166 windows` (`limit`), `wanda-T, 40 of 1100 documents` (C4).
   */
  protocol: string;
  /** Of the data set's repository, where the source is of the hub. */
  commit?: string;
}

/** Tokens between two reports of progress: what the model takes through its blocks at once. */
const REPORT_TOKENS = 2048;

/**
 * Perplexity of a model on a source: a text file, documents, token windows, a protocol on a file such as
 * `wikitext2=FILE`, or `wikitext2`, `c4`, `ptb` from the hub (see `readSource`); the embedded evaluation text where it is
 * left out. The progress of phase 'evaluate' notes the perplexity of the windows so far.
 * @throws DataError for a source that cannot be used, UsageError for a window longer than the model takes.
 */
export async function perplexity(
  model: Model,
  source: string = embeddedTexts.evaluation,
  options: PerplexityOptions = {},
): Promise<PerplexityResult> {
  const { signal, onProgress, limit } = options;
  checkSeqLen(model.config, options.seqLen);
  const seqLen = options.seqLen ?? defaultSeqLen(model.config);
  const data = await readSource(source, { signal, onProgress });
  const tokenizer = data.kind === 'windows' ? null : await model.tokenizer();
  const { windows, tokens } = await evaluationWindows(data, tokenizer, {
    seqLen,
    limit,
    vocabSize: model.config.vocab_size,
    threads: model.engine.threads,
    signal,
    onProgress,
  });
  checkWindowLengths(model.config, windows, data.name);
  let sum = 0;
  const step = Math.max(1, Math.floor(REPORT_TOKENS / windows[0].length));
  for (let at = 0; at < windows.length; at += step) {
    for (const logProbabilities of await model.logProbabilities(windows.slice(at, at + step), signal))
      sum -= logProbabilities.reduce((total, v) => total + v, 0) / logProbabilities.length;
    const done = Math.min(at + step, windows.length);
    const note = `perplexity ${Math.exp(sum / done).toFixed(2)}`;
    onProgress?.({ phase: 'evaluate', done, total: windows.length, note });
  }
  const nll = sum / windows.length;
  if (!Number.isFinite(nll))
    throw new CheckpointError({ expected: 'finite log-probabilities', got: String(nll), where: model.source });
  const commit = 'commit' in data ? { commit: data.commit } : {};
  const protocol = protocolName(data, seqLen, tokens, windows.length);
  return {
    perplexity: Math.exp(nll),
    nll,
    windows: windows.length,
    seqLen: windows[0].length,
    tokens,
    protocol,
    ...commit,
  };
}

/** See `PerplexityResult.protocol`. */
function protocolName(source: Source, seqLen: number, tokens: number, used: number): string {
  const { kind } = source;
  const parts = [kind === 'windows' ? kind : `${kind === 'protocol' ? 'wanda' : 'text'}-${seqLen}`];
  if (kind === 'protocol' && source.protocol === 'c4' && source.rows.length < c4Documents)
    parts.push(`${source.rows.length} of ${c4Documents} documents`);
  const all = kind === 'windows' ? source.windows.length : Math.floor(tokens / seqLen);
  if (used < all) parts.push(`${used} of ${all} windows`);
  return parts.join(', ');
}
