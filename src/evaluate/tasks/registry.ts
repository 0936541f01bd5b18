// Tasks by their names: what `--tasks arc_easy,rte` stands for.

import { UsageError } from '../../errors.js';
import { didYouMean } from '../../nearest.js';
import { quoted } from '../../quoted.js';
import type { Task } from './task.js';
import * as all from './tasks.js';

const byName: ReadonlyMap<string, Task> = new Map(Object.values(all).map((task) => [task.name, task]));

/** In alphabetical order. */
export const taskNames: readonly string[] = [...byName.keys()];

/** @throws UsageError for a name that no task has */
export function taskNamed(name: string): Task {
  const task = byName.get(name);
  if (task) return task;
  throw new UsageError(
    `expected tasks among ${taskNames.join(', ')}, got ${quoted(name)}${didYouMean(name, taskNames)}`,
  );
}
