// How cells are arranged: sparsities and patterns are columns, seeds are averaged, everything else tells rows apart.

import type { CellOptions } from './grid.js';
import { type PlanOption, planOptions } from './plan-options.js';

const always: readonly PlanOption[] = ['method', 'topUp'];
const neverRows: readonly PlanOption[] = ['pattern', 'sparsity', 'seed'];

/**
 * The options by which the rows of these cells differ, method and top-up in any case. An option that merely has no meaning
 * in some rows (the step of a uniform allocation) is left out where the others tell the rows apart.
 */
export function rowOptions(cells: readonly { options: CellOptions }[]): PlanOption[] {
  const rows = cells.map(({ options }) => options);
  const differing = (values: (option: PlanOption) => unknown[]) =>
    planOptions.filter(
      (option) => !neverRows.includes(option) && (always.includes(option) || new Set(values(option)).size > 1),
    );
  const all = differing((option) => rows.map((row) => row[option]));
  const few = differing((option) => rows.map((row) => row[option]).filter((value) => value !== null));
  const count = (options: readonly PlanOption[]) => new Set(rows.map((row) => rowKey(row, options))).size;
  return count(few) === count(all) ? few : all;
}

/** Equal for cells of one row. */
export const rowKey = (options: CellOptions, shown: readonly PlanOption[]): string =>
  JSON.stringify(shown.map((option) => options[option]));

/** The head of a cell's column: `70 %`, or its pattern. */
export const columnOf = ({ pattern, sparsity }: CellOptions): string =>
  pattern === null ? `${Number((100 * (sparsity as number)).toFixed(4))} %` : String(pattern);

/** An option in a table. */
export const optionText = (value: CellOptions[PlanOption]): string => (value === null ? '–' : String(value));

/** An option in a line of text; those that every row has say by themselves what they are. */
export const labelOf = (option: PlanOption, options: CellOptions): string =>
  always.includes(option) ? String(options[option]) : `${option} ${options[option]}`;

/** Items with the same key together, both in order of appearance. */
export function groups<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const group = found.get(keyOf(item));
    if (group) group.push(item);
    else found.set(keyOf(item), [item]);
  }
  return found;
}
