// What a pack predicts, read off the output of the last block: the log-probability of every scored token, and whether it is
// the most probable one. The logits stay on the backend but for the few rows that leave that open.

import { CheckpointError } from '../errors.js';
import { safePoint } from '../progress.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Pass } from './graph.js';
import type { Pack } from './packs.js';

/** What a model says of an ending. */
export interface ScoredEnding {
  /** Σ log p over its scored ids, in nats. */
  logProbability: number;
  /** Whether each of them is the most probable one (the first of equals) where it stands. */
  greedy: boolean;
}

/** The logits [rows, vocab_size] of some rows of the last block's output, in the workspace tensor of that name. */
export type LogitsOf = (name: string, rows: Tensor<'f32'>) => Tensor<'f32'>;

/**
 * What f32 may err in a log-probability. A token of more than one half is the most probable one, and one of less than its
 * share of the vocabulary is not; only between the two the logits have to be looked at.
 */
const MARGIN = 1e-3;

/**
 * Adds up in `results`, by the numbers of the endings, what the rows x[rows, hidden_size] of `pack` predict.
 * @param piece rows whose logits are computed together
 * @param where the model, for messages
 */
export async function predict(
  { backend, workspace }: Pass,
  x: Tensor<'f32'>,
  pack: Pack,
  { logits: logitsOf, piece, where }: { logits: LogitsOf; piece: number; where: string },
  results: ScoredEnding[],
  signal?: AbortSignal,
): Promise<void> {
  const total = pack.scored.reduce((sum, [from, to]) => sum + to - from, 0);
  const scored = workspace.take('scored', 'f32', [total, x.columns]);
  let at = 0;
  for (const [from, to] of pack.scored) {
    backend.scale(scored.rows(at, at + to - from), x.rows(from, to), 1);
    at += to - from;
  }
  const inOrder = [...pack.predictions].sort((a, b) => a.row - b.row);
  for (let begin = 0, next = 0; begin < total; begin += piece) {
    const rows = Math.min(piece, total - begin);
    const first = next;
    while (next < inOrder.length && inOrder[next].row < begin + rows) next++;
    const predictions = inOrder.slice(first, next).map((p) => ({ ...p, row: p.row - begin }));
    const logits = logitsOf('logits', scored.rows(begin, begin + rows));

    // The first targets of all rows at once, the further ones of a row each by itself.
    const places = predictions.map(({ round, row }) => round * rows + row);
    const size = places.reduce((most, place) => Math.max(most, place + 1), rows);
    const table = new Int32Array(size);
    for (const [i, { target }] of predictions.entries()) table[places[i]] = target;
    const targets = workspace.take('targets', 'i32', [size]);
    backend.write(targets, table);
    const values = workspace.take('logProbabilities', 'f32', [size]);
    backend.logProbabilities(values.rows(0, rows), logits, targets.rows(0, rows));
    for (const place of new Set(places)) {
      const row = place % rows;
      if (place >= rows)
        backend.logProbabilities(
          values.rows(place, place + 1),
          logits.rows(row, row + 1),
          targets.rows(place, place + 1),
        );
    }

    const read = await backend.read(values);
    const sure = -Math.log(logits.columns) - MARGIN;
    for (const [i, { ending }] of predictions.entries()) {
      const value = read[places[i]];
      if (!Number.isFinite(value))
        throw new CheckpointError({ expected: 'finite log-probabilities', got: String(value), where });
      results[ending].logProbability += value;
      if (value < sure) results[ending].greedy = false;
    }
    for (const [i, { ending, row, target }] of predictions.entries())
      if (results[ending].greedy && read[places[i]] < MARGIN - Math.LN2)
        results[ending].greedy = target === largest(await backend.read(logits.rows(row, row + 1)));
    await safePoint(signal);
  }
}

/** Where the largest value stands, the first of equals. */
function largest(values: Float32Array): number {
  let at = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[at]) at = i;
  return at;
}
