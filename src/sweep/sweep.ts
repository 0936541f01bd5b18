// A grid of pruning runs on one machine: from a plan to the tables that compare what came of it.

import { UsageError } from '../errors.js';
import { SweepFolder } from './folder.js';
import { gridOf } from './grid.js';
import { jobsOf } from './jobs.js';
import { readPlan, type SweepPlan } from './plan.js';
import type { SweepResults } from './results.js';
import { type SweepOptions, SweepRun } from './run.js';

/**
 * Runs the cells of a plan (a YAML or JSON file, or an object of the same form) that have no record in `out` yet. A cell that
 * fails is recorded and the others run: see `state` in the results. The same call goes on where one was interrupted.
 * @throws UsageError for a plan with anything wrong in it, DataError and CheckpointError for sources and models that are not
 *   there, all before anything runs; OutputError for `out`; the signal's reason when aborted
 */
export async function sweep(plan: string | SweepPlan, options: SweepOptions): Promise<SweepResults> {
  const { out, signal } = options;
  if (typeof out !== 'string' || out === '') throw new UsageError('expected a folder for the results (out), got none');
  const checked = await readPlan(plan);
  const grid = gridOf(checked);
  const folder = new SweepFolder(out);
  await folder.check();
  const run = new SweepRun(folder, await jobsOf(checked, grid.cells, options), grid.refused, options);
  if (options.dryRun === true) {
    await run.read();
    return run.results();
  }
  return folder.alone(signal, async () => {
    await run.read();
    return run.run();
  });
}
