// One line for each cell, with everything that tells it and everything that was measured, for other programs; quoted as RFC 4180 has it.

import { planOptions } from './plan-options.js';
import { perplexityOf, type SweepResults } from './results.js';

/** The lines, with a head; a field is empty where nothing was measured or an option has no meaning. */
export function toCsv({ evaluation, dense, cells }: SweepResults): string {
  const names = evaluation.sources.map(({ name }) => name);
  const head = [
    'id',
    'state',
    'model',
    ...planOptions,
    'achieved',
    'lambdaBlock',
    'lambdaRow',
    'seconds',
    ...names.flatMap((name) => [`perplexity ${name}`, `dense ${name}`]),
    'error',
  ];
  const lines = cells.map((cell) => {
    const before = dense.find(({ model }) => model === cell.model)?.perplexity ?? null;
    return [
      cell.id,
      cell.state,
      cell.model,
      ...planOptions.map((option) => cell.options[option]),
      cell.achieved,
      cell.lambda?.block,
      cell.lambda?.row,
      cell.seconds,
      ...names.flatMap((name) => [perplexityOf(cell.perplexity, name), perplexityOf(before, name)]),
      cell.error,
    ];
  });
  return [head, ...lines].map((fields) => `${fields.map(field).join(',')}\n`).join('');
}

function field(value: string | number | boolean | null | undefined): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
