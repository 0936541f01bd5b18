// A folder with a model of a few thousand weights, its windows and a place for results, for each test of a sweep, and how
// these tests run one. What is exported with `let` is what the running test has.

import { cp, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { SweepPlan } from '../src/sweep/plan.js';
import type { SweepOptions } from '../src/sweep/run.js';
import { sweep } from '../src/sweep/sweep.js';
import { folderWith, removeFolder } from './checkpoint-fixture.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from './golden/tiny-llama.js';

export let home: string;
/** Where the results of a sweep go. */
export let out: string;
export const place = (name: string) => join(home, name);

/** Makes them before every test of the file, and removes them after it. */
export function useSweeps(): void {
  beforeEach(async () => {
    const model = await tinyFolder(tinyConfig, tinyTensors(tinyConfig));
    home = await folderWith({
      'windows.json': JSON.stringify(tinyWindows(4, 12)),
      'test.json': JSON.stringify(tinyWindows(3, 16, 8)),
      'other.json': JSON.stringify(tinyWindows(3, 16, 9)),
    });
    await cp(model, place('tiny'), { recursive: true });
    await removeFolder(model);
    out = place('out');
  });
  afterEach(() => removeFolder(home));
}

export const engine = { threads: 1, deterministic: true };

/** Three cells, unless `more` says otherwise. */
const plan = (more: Partial<SweepPlan>): SweepPlan => ({
  models: place('tiny'),
  calibration: place('windows.json'),
  searchSamples: 2,
  topUp: 'uniform',
  sparsity: [0.5, 0.6, 0.7],
  evaluation: { source: place('test.json') },
  ...more,
});

/** Runs a sweep; `ran` are the places of the cells that it ran. */
export async function run(more: Partial<SweepPlan> = {}, options: Partial<SweepOptions> = {}) {
  const ran: number[] = [];
  const onCell: SweepOptions['onCell'] = (_, number) => ran.push(number);
  return { results: await sweep(plan(more), { ...engine, out, onCell, ...options }), ran };
}

/** A document of the results. */
export const json = async (...path: string[]) => JSON.parse(await readFile(join(out, ...path), 'utf8'));

export const states = ({ cells }: { cells: readonly { state: string }[] }) => cells.map(({ state }) => state);

/** Times of change of all records. */
export async function changed(): Promise<Record<string, number>> {
  const names = (await readdir(join(out, 'cells'))).sort();
  const times = names.map(async (name) => [name, (await stat(join(out, 'cells', name))).mtimeMs]);
  return Object.fromEntries(await Promise.all(times));
}
