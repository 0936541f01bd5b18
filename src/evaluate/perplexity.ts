// Perplexity by the protocol of GPTQ, SparseGPT and Wanda (§11 of the algorithms page): windows that do not overlap,
// exp of the mean over windows of each window's mean cross-entropy.

import { embeddedTexts } from '../checkpoint/embedded.js';
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
}

/** Windows between two reports of progress. */
const REPORT = 16;

/**
 * Perplexity of a model on a source: a text file, documents, token windows, or a protocol on a file such as
 * `wikitext2=FILE` (see `readSource`); the embedded evaluation text where it is left out.
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
  const data = await readSource(source);
  onProgress?.({ phase: 'tokenize', done: 0, total: 1 });
  const tokenizer = data.kind === 'windows' ? null : await model.tokenizer();
  const { windows, tokens } = evaluationWindows(data, tokenizer, { seqLen, limit, vocabSize: model.config.vocab_size });
  checkWindowLengths(model.config, windows, data.name);
  let nll = 0;
  for (let at = 0; at < windows.length; at += REPORT) {
    for (const logProbabilities of await model.logProbabilities(windows.slice(at, at + REPORT), signal))
      nll -= logProbabilities.reduce((sum, v) => sum + v, 0) / logProbabilities.length;
    onProgress?.({ phase: 'evaluate', done: Math.min(at + REPORT, windows.length), total: windows.length });
  }
  nll /= windows.length;
  if (!Number.isFinite(nll))
    throw new CheckpointError({ expected: 'finite log-probabilities', got: String(nll), where: model.source });
  return { perplexity: Math.exp(nll), nll, windows: windows.length, seqLen: windows[0].length, tokens };
}
