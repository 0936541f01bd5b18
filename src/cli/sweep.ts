// `neuroal sweep`: runs a grid of prunings and prints the tables that compare them.

import { Argument, type Command } from 'commander';
import { UsageError } from '../errors.js';
import { figure, refusals, toMarkdown } from '../sweep/markdown.js';
import type { CellResult, SweepResults } from '../sweep/results.js';
import { shellWord } from './figures.js';
import { type EngineFlags, place, withEngine } from './options.js';
import { inSession } from './session.js';

interface SweepFlags extends EngineFlags {
  out?: string;
  keepModels?: boolean;
  dryRun?: boolean;
}

const example = `
A plan, in YAML or JSON. Every option of prune may stand in it under its name without dashes (top-up: topUp), with one
value or a list; lists multiply. A set of the grid holds options of its own.

  models: [embedded, ../my-model, org/name]
  sparsity: [0.6, 0.7, 0.8]
  grid:
    - { method: [magnitude, wanda], topUp: uniform }
    - { method: wanda, topUp: neuroal, step: [block, both] }
  evaluation: { source: [embedded, wikitext2=wiki.test.raw], limit: 40 }

The same command goes on where a sweep was interrupted.`;

/** Adds the command. */
export function addSweep(program: Command): void {
  withEngine(
    program
      .command('sweep')
      .description('prune models in many ways and compare them in a table')
      .addArgument(new Argument('<PLAN>', 'file that says which models, which options, and what to measure'))
      .addOption(place('--out <DIR>', 'folder of the results (required); one of a sweep is gone on with'))
      .option('--keep-models', 'keep the pruned models, in DIR/models')
      .option('--dry-run', 'list the cells and which of them are done; run nothing'),
  )
    .addHelpText('after', example)
    .action((plan: string, { out, ...options }: SweepFlags) =>
      inSession(options, async (session) => {
        if (out === undefined) throw new UsageError('expected --out DIR (the folder of the results), got none');
        const { sweep } = await import('../sweep/sweep.js');
        const { signal, onProgress } = session;
        const onCell = (cell: CellResult, number: number, total: number) =>
          session.note(`${number}/${total}  ${cell.name}: ${outcome(cell)}`);
        const results = await sweep(plan, { ...options, out, signal, onProgress, onCell }).catch((error) => {
          if (signal.aborted) session.note(`What is done is in ${shellWord(out)}; the same command goes on.`);
          throw error;
        });
        if (options.json) await session.printJson(results);
        else if (options.dryRun) await session.print(`${list(results)}\n`);
        else await session.print(toMarkdown(results));
        const failed = results.cells.filter(({ state }) => state === 'failed').length;
        if (failed > 0 && !options.dryRun)
          throw new Error(`${failed} of ${results.cells.length} cells failed; the same command tries them again`);
      }),
    );
}

function outcome({ state, perplexity, seconds, error }: CellResult): string {
  if (state === 'failed') return `failed: ${error}`;
  const values = Object.entries(perplexity ?? {});
  const named = values.map(([name, { perplexity: value }]) => `${figure(value)} on ${name}`);
  return `perplexity ${named.join(', ')} (${seconds?.toFixed(1)} s)`;
}

/** The cells of a dry run. */
function list({ cells, refused }: SweepResults): string {
  const done = cells.filter(({ state }) => state === 'done').length;
  return [
    ...cells.map(({ state, name }) => `${state.padEnd(7)}  ${name}`),
    ...refusals(refused).map((line) => `left out ${line}`),
    `${done} of ${cells.length} cells done`,
  ].join('\n');
}
