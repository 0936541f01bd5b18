// What it costs to split a job over two threads: a job that is next to nothing, split, minus the same job on one thread.
// A forward pass of a small model is hundreds of jobs of some microseconds.

import { setTimeout as sleep } from 'node:timers/promises';
import { createWasmBackend } from '../dist/internals.js';
import { runs, takeTurns } from './contest/turns.mjs';
import { median } from './machine.mjs';
import { spread } from './table.mjs';

const ELEMENTS = 4096;
/** Jobs in a sample, and the time that the calling thread is busy with something else before each of them. */
const rhythms = [
  { name: 'back to back', jobs: 20_000, pause: 0 },
  { name: 'after 1 ms, worker asleep', jobs: 200, pause: 1 },
];
/** For the worker to be up: until then the calling thread works alone. */
const START_MILLISECONDS = 500;

async function jobOf(options) {
  const backend = await createWasmBackend({ simd: 'plain', ...options });
  const x = backend.allocate('f32', [ELEMENTS]);
  backend.fill(x, 1);
  return { run: () => backend.scale(x, x, 1), backend };
}

/** Microseconds of each job, sorted. */
function microseconds(run, { jobs, pause }) {
  const times = new Float64Array(jobs);
  for (let i = 0; i < jobs; i++) {
    const ready = performance.now() + pause;
    while (performance.now() < ready);
    const started = performance.now();
    run();
    times[i] = 1000 * (performance.now() - started);
  }
  return times.sort();
}

export async function team() {
  const alone = await jobOf({ threads: 1 });
  const split = await jobOf({ threads: 2, grainWork: 1 });
  try {
    await sleep(START_MILLISECONDS);
    console.error(`team: ${runs} samples of each`);
    const rows = [];
    for (const rhythm of rhythms) {
      const turns = [alone, split].map(({ run }) => async () => {
        const times = microseconds(run, rhythm);
        return { median: median(times), p99: times[Math.floor(0.99 * times.length)] };
      });
      const [one, two] = await takeTurns(turns);
      rows.push([
        rhythm.name,
        String(rhythm.jobs),
        spread(one.map((s) => s.median)),
        spread(two.map((s, i) => s.median - one[i].median)),
        spread(two.map((s, i) => s.p99 - one[i].median)),
      ]);
    }
    return [
      {
        title: 'Team: fork and join of two threads, µs',
        notes: [
          `${ELEMENTS} elements scaled in four parts; what is more than the median of one thread, in turn; ${runs} samples of as many jobs as the table says.`,
        ],
        head: ['jobs follow', 'jobs', 'one thread', 'more, median', 'more, p99'],
        rows,
      },
    ];
  } finally {
    await Promise.all([alone.backend.dispose(), split.backend.dispose()]);
  }
}
