// The tables of a sweep as papers print them: a row for each way to prune, a column for each sparsity or pattern, the best
// of a column bold. The Markdown is aligned, so that a terminal shows it as well as a browser.

import { columnOf, groups, optionText, rowKey, rowOptions } from './columns.js';
import { combinationText } from './plan-options.js';
import { type CellResult, perplexityOf, type SweepResults } from './results.js';

/** Further from the sparsity asked for than this is worth a mark. */
const tolerated = 0.01;

/** One table for each model and source, a second one where there are patterns, and notes. */
export function toMarkdown({ evaluation, dense, cells, refused }: SweepResults): string {
  const sections = dense.flatMap(({ model, perplexity }) =>
    evaluation.sources.flatMap(({ name }) => {
      const before = perplexity?.[name];
      const own = cells.filter((cell) => cell.model === model);
      return [
        `## ${model} on ${name}${before ? `: dense perplexity ${figure(Math.exp(before.nll))}` : ''}`,
        ...(before ? [`Perplexity on ${before.windows} windows of ${before.seqLen} tokens, lower is better.`] : []),
        ...[false, true].flatMap((patterns) => {
          const shown = own.filter(({ options }) => (options.pattern !== null) === patterns);
          return shown.length === 0 ? [] : [tableOf(shown, name)];
        }),
      ];
    }),
  );
  return `${[...sections, ...notes(cells), ...failures(cells), ...leftOut(refused)].join('\n\n')}\n`;
}

/** 8.4381 → 8.44, 1234.5 → 1235, 1234567 → 1.2e+6 */
export function figure(perplexity: number): string {
  if (perplexity < 1000) return perplexity.toFixed(2);
  return perplexity < 100_000 ? perplexity.toFixed(0) : perplexity.toExponential(1);
}

function tableOf(cells: readonly CellResult[], source: string): string {
  const shown = rowOptions(cells);
  const columns = [...cells]
    .sort((a, b) => (a.options.sparsity as number) - (b.options.sparsity as number))
    .map(({ options }) => columnOf(options))
    .filter((column, i, all) => all.indexOf(column) === i);
  const rows = groups(cells, ({ options }) => rowKey(options, shown));
  const entries = [...rows.values()].map((row) => {
    const byColumn = groups(row, ({ options }) => columnOf(options));
    return columns.map((column) => entryOf(byColumn.get(column) ?? [], source));
  });
  const best = columns.map((_, c) => Math.min(...entries.map((row) => row[c].mean)));
  const rivals = columns.map((_, c) => entries.filter((row) => Number.isFinite(row[c].mean)).length);
  const lines = [...rows.values()].map(([{ options }], r) => [
    ...shown.map((option) => optionText(options[option]).replaceAll('|', '\\|')),
    ...entries[r].map(({ text, mean }, c) => (rivals[c] > 1 && mean === best[c] ? `**${text}**` : text)),
  ]);
  return aligned([[...shown, ...columns], ...lines], shown.length);
}

/** What stands where a row and a column meet: the cells there differ in their seeds. */
function entryOf(cells: readonly CellResult[], source: string): { text: string; mean: number } {
  const values = cells.map(({ perplexity }) => perplexityOf(perplexity, source)).filter((value) => value !== null);
  if (values.length === 0) {
    const state = cells.some((cell) => cell.state === 'failed') ? 'failed' : 'pending';
    return { text: cells.length === 0 ? '' : state, mean: Number.POSITIVE_INFINITY };
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const spread = values.length === 1 ? '' : ` ± ${figure(Math.sqrt(squares / (values.length - 1)))}`;
  const part = values.length === cells.length ? '' : ` (${values.length} of ${cells.length})`;
  return { text: `${figure(mean)}${spread}${part}${cells.some(isMissed) ? ' †' : ''}`, mean };
}

const isMissed = ({ achieved, options }: CellResult) =>
  achieved !== null && Math.abs(achieved - (options.sparsity as number)) > tolerated;

/** Lines of a Markdown table, the first row its head; `left` columns are aligned to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[], left: number): string {
  const widths = rows[0].map((_, c) => Math.max(3, ...rows.map((row) => row[c].length)));
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
  const [head, ...body] = rows.map((row) =>
    line(row.map((text, c) => (c < left ? text.padEnd(widths[c]) : text.padStart(widths[c])))),
  );
  const rule = line(widths.map((width, c) => (c < left ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)));
  return [head, rule, ...body].join('\n');
}

function notes(cells: readonly CellResult[]): string[] {
  const seeds = [...new Set(cells.map(({ options }) => options.seed))];
  return [
    ...(seeds.length > 1 ? [`Mean ± standard deviation (n − 1) over the seeds ${seeds.join(', ')}.`] : []),
    ...(cells.some(isMissed)
      ? ['† More than 1 % away from the sparsity asked for: schedules are clamped, counts truncated.']
      : []),
  ];
}

function failures(cells: readonly CellResult[]): string[] {
  const failed = cells.filter(({ state }) => state === 'failed');
  return failed.length === 0 ? [] : ['Failed:', failed.map(({ name, error }) => `- ${name}: ${error}`).join('\n')];
}

function leftOut(refused: SweepResults['refused']): string[] {
  return refused.length === 0
    ? []
    : [
        'Left out:',
        refusals(refused)
          .map((line) => `- ${line}`)
          .join('\n'),
      ];
}

/** What was left out, a line for each reason. */
export function refusals(refused: SweepResults['refused']): string[] {
  return Array.from(
    groups(refused, ({ reason }) => reason),
    ([reason, [{ given }, ...others]]) => {
      const more = others.length === 0 ? '' : ` and ${others.length} more`;
      return `${combinationText(given)}${more}: ${reason}`;
    },
  );
}
