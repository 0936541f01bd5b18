// Contestants take turns, one sample each and never two at a time, so that a machine that slows down slows all of them.

import { setTimeout as sleep } from 'node:timers/promises';
import { Complaint } from '../complaint.mjs';

/** How many samples of each contestant; RUNS=1 for a quick look. */
export const runs = Number(process.env.RUNS ?? 7);
if (!(Number.isInteger(runs) && runs >= 1)) throw new Complaint(`expected RUNS of 1 or more, got ${process.env.RUNS}`);

/** Threads of thread pools look for more work for a moment before they sleep. */
const PAUSE_MILLISECONDS = 20;

/**
 * The samples of each turn: `runs` of them, after one round that is not counted.
 * @param turns functions that take one sample each
 * @param failed takes (turn, error) where a turn fails, which is out from then on, and its samples null; without it the error
 *   is thrown
 */
export async function takeTurns(turns, failed = raise) {
  const samples = turns.map(() => []);
  for (let round = 0; round <= runs; round++)
    for (const [i, turn] of turns.entries()) {
      if (!samples[i]) continue;
      await sleep(PAUSE_MILLISECONDS);
      try {
        const sample = await turn();
        if (round > 0) samples[i].push(sample);
      } catch (error) {
        samples[i] = null;
        failed(i, error);
      }
    }
  return samples;
}

function raise(_, error) {
  throw error;
}
