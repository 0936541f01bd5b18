// Evaluation text by the protocols of the papers (algorithms.md §11): tokenised once, cut into windows that do not
// overlap. GPTQ, SparseGPT and Wanda count perplexity in this way, and so their tables can be compared with ours.

import { DataError, UsageError } from '../errors.js';
import type { LongTextOptions } from '../text/long-text.js';
import { checkedWindows, type Encoder, encoding } from './encoding.js';
import type { ProtocolSource, Source } from './kinds.js';

export interface EvaluationOptions extends LongTextOptions {
  /** T. */
  seqLen: number;
  /** Windows to use at most; all if not given. */
  limit?: number | undefined;
  /** Ids must be below it. */
  vocabSize: number;
}

export interface EvaluationWindows {
  /** Views of one array of ids, in order. */
  windows: Int32Array[];
  /** In the whole text (of C4: after its cut), the rest that fills no window and windows over `limit` included. */
  tokens: number;
}

/** The C4 protocol takes this many documents, and of their tokens as many windows. */
export const c4Documents = 1100;
const c4Windows = 256;

/**
 * ⌊tokens/T⌋ windows of T ids. WikiText-2's rows are joined with "\n\n", PTB's and C4's with " ", and C4 is cut to
 * 256·T tokens; documents of no protocol are joined with "\n\n". Token windows come as they are, whatever T is, may
 * differ in length, and need no tokenizer.
 * @throws DataError where the text is shorter than one window or an id is outside the vocabulary
 */
export async function evaluationWindows(
  source: Source,
  tokenizer: Encoder | null,
  { seqLen, limit = Number.POSITIVE_INFINITY, vocabSize, ...options }: EvaluationOptions,
): Promise<EvaluationWindows> {
  if (!Number.isSafeInteger(seqLen) || seqLen < 2)
    throw new UsageError(`expected a window length of 2 or more (a whole number), got ${seqLen}`);
  if (!(limit >= 1)) throw new UsageError(`expected a limit of 1 window or more, got ${limit}`);
  if (source.kind === 'windows') {
    const windows = checkedWindows(source, vocabSize);
    const tokens = windows.reduce((sum, window) => sum + window.length, 0);
    return { windows: windows.slice(0, limit), tokens };
  }
  const isC4 = source.kind === 'protocol' && source.protocol === 'c4';
  const all = await encoding(tokenizer, vocabSize, source.name, options)(textOf(source));
  const ids = isC4 ? all.subarray(0, c4Windows * seqLen) : all;
  const count = Math.min(Math.floor(ids.length / seqLen), limit);
  if (count === 0)
    throw new DataError({
      expected: `a text of at least ${seqLen} tokens (one window); give a longer text or a smaller --seq-len`,
      got: `${ids.length} tokens`,
      where: source.name,
    });
  const windows = Array.from({ length: count }, (_, i) => ids.subarray(i * seqLen, (i + 1) * seqLen));
  return { windows, tokens: ids.length };
}

function textOf(source: Exclude<Source, { kind: 'windows' }>): string {
  if (source.kind === 'text') return source.text;
  return source.kind === 'documents' ? source.documents.join('\n\n') : protocolText(source);
}

function protocolText({ protocol, rows }: ProtocolSource): string {
  switch (protocol) {
    case 'wikitext2':
      return rows.join('\n\n');
    case 'ptb':
      return rows.join(' ');
    case 'c4':
      return rows.slice(0, c4Documents).join(' ');
  }
}
