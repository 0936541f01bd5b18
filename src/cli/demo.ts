// `neuroal demo`: the main job on the model that comes along, with nothing to prepare: what NeuroAL's allocation keeps
// of it that a uniform one loses.

import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import { pruneDefaults } from '../prune/options.js';
import type { DemoResult } from './demo-run.js';
import { percent, size, styled, table, threadsText } from './figures.js';
import { type EngineFlags, number, withEngine } from './options.js';
import { inSession } from './session.js';

interface DemoFlags extends EngineFlags {
  sparsity?: number;
}

/** Adds the command. */
export function addDemo(program: Command): void {
  withEngine(
    program
      .command('demo')
      .description('prune the embedded model in three ways, and compare')
      .addOption(number('--sparsity <S>', 'share of the weights to remove, in [0, 1)', pruneDefaults.sparsity)),
  ).action(({ sparsity = pruneDefaults.sparsity, ...options }: DemoFlags) =>
    inSession(options, async (session) => {
      if (!(sparsity >= 0 && sparsity < 1)) throw new UsageError(`expected a sparsity in [0, 1), got ${sparsity}`);
      const { runDemo } = await import('./demo-run.js');
      const { signal, onProgress } = session;
      session.note(`Pruning the embedded model to ${percent(sparsity)} in three ways. This takes about half a minute.`);
      const onPerplexity = (name: string, value: number) => session.note(`  ${name}: perplexity ${value.toFixed(2)}`);
      const result = await runDemo({ ...options, sparsity, signal, onProgress, onPerplexity });
      if (options.json) await session.printJson(result);
      else await session.print(`\n${describe(result, sparsity)}\n`);
    }),
  );
}

function describe(
  { model, rows, samples, evaluation, calibration, engine, seconds }: DemoResult,
  asked: number,
): string {
  const lambda = (value: number | null | undefined) => (value === null || value === undefined ? '–' : String(value));
  const lines = table([
    ['pruning', 'perplexity', 'sparsity', 'λ block', 'λ row', 'seconds', 'size', 'tokens/s'],
    ...rows.map((row) => [
      row.name,
      row.perplexity.toFixed(2),
      percent(row.sparsity),
      lambda(row.lambda?.block),
      lambda(row.lambda?.row),
      row.seconds === null ? '–' : row.seconds.toFixed(1),
      size(row.bytes),
      String(Math.round(row.tokensPerSecond)),
    ]),
  ]);
  const [dense, uniform, neuroal, admm] = rows;
  const verdict =
    `At ${percent(asked)}: perplexity ${uniform.perplexity.toFixed(2)} pruned uniformly, ` +
    `${neuroal.perplexity.toFixed(2)} with NeuroAL, ${admm.perplexity.toFixed(2)} with the kept weights fitted by ADMM ` +
    `(dense ${dense.perplexity.toFixed(2)}).`;
  const missed = Math.abs(neuroal.sparsity - asked) > 0.01;
  return [
    ...lines.map((line, i) => (i === 0 || i === rows.length ? styled('bold', line) : line)),
    '',
    styled('bold', verdict),
    ...(missed ? ["NeuroAL's schedule did not meet that sparsity (see the table): compare with care."] : []),
    `Perplexity: ${evaluation.windows} windows of ${evaluation.seqLen} tokens of the embedded evaluation text, lower is ` +
      'better.',
    `uniform, NeuroAL: Wanda scores on ${calibration.windows} windows of ${calibration.seqLen} tokens, ` +
      `${calibration.searchWindows} of them for the search of λ. ADMM: weights fitted to what the dense model computes.`,
    'Zeros are neither stored nor multiplied: sizes are those of sparse files, speeds those of sparse matrices.',
    `Model: ${model.family}, ${model.parameters} parameters; ${engine.simd} SIMD, ${threadsText(engine.threads)}; ` +
      `${seconds.total.toFixed(1)} s in all.`,
    '',
    'What they write (greedy):',
    ...samples.map(
      ({ name, prompt, text }) =>
        `  ${name.padEnd(8)} ${styled('dim', prompt)}${text.replace(/\s+/g, ' ').replace(/^(?=\w)/, ' ')} …`,
    ),
    '',
    'next: neuroal prune MODEL --out DIR, with the folder of a model of yours',
  ].join('\n');
}
