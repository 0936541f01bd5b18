// One sample of a contestant: how long one run takes.

import { median } from '../machine.mjs';

/** Time enough for a JavaScript engine to compile what is hot once more, with optimisation. */
const WARM_UP_MILLISECONDS = 300;
const WINDOW_MILLISECONDS = 40;

/** Before the first sample. */
export const warmUp = (run) => timed(run, WARM_UP_MILLISECONDS);

/**
 * Milliseconds of a run: the median of as many as begin within the window. One before them is not counted: what ran
 * meanwhile has emptied the caches, and threads may be asleep.
 */
export async function timed(run, milliseconds = WINDOW_MILLISECONDS) {
  await run();
  const times = [];
  const end = performance.now() + milliseconds;
  do {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  } while (performance.now() < end);
  return median(times);
}
