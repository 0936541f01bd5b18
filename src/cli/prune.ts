// `neuroal prune`: writes a pruned copy of a model folder.

import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import { choices, type PruneOptions, pruneDefaults } from '../prune/options.js';
import type { RunRecord } from '../prune/record.js';
import { grouped, percent, shellWord } from './figures.js';
import { bytes, choice, type EngineFlags, modelArgument, number, place, wholeNumber, withEngine } from './options.js';
import { inSession } from './session.js';

interface PruneFlags
  extends EngineFlags,
    Omit<PruneOptions, 'model' | 'out' | 'backend' | 'threads' | 'deterministic'> {
  out?: string;
  exhaustive?: boolean;
}

/** Adds the command. */
export function addPrune(program: Command): void {
  const { method, topUp, step, sparsity, granularity, rounding, update, targets } = pruneDefaults;
  const { samples, searchSamples, searchMemory, seed, format } = pruneDefaults;
  withEngine(
    program
      .command('prune')
      .description('prune a model and write a folder that the standard loaders open')
      .addArgument(modelArgument(true))
      .addOption(place('--out <DIR>', 'folder to write (required); it appears whole or not at all'))
      .option('--force', 'replace a model folder that stands there, with everything in it')
      .addOption(choice('--format <F>', 'of the linear layers in the folder', choices.format, format))
      .addOption(choice('--method <NAME>', 'how weights are chosen', choices.method, method))
      .addOption(choice('--top-up <NAME>', 'how sparsity is spread', choices.topUp, topUp))
      .addOption(
        choice('--step <STEP>', 'of neuroal, over blocks, rows, or both where rows can differ', choices.step, step),
      )
      .addOption(number('--sparsity <S>', 'share of the weights to remove, in [0, 1)', sparsity))
      .option('--pattern <N:M>', 'remove N of every M consecutive inputs, such as 2:4; on average, where shares differ')
      .addOption(choice('--granularity <G>', 'where scores compete', choices.granularity, granularity))
      .addOption(choice('--rounding <R>', 'of shares to counts, truncated or met exactly', choices.rounding, rounding))
      .addOption(choice('--update <NAME>', 'how the kept weights are fitted after a mask', choices.update, update))
      .addOption(
        choice(
          '--targets <T>',
          "what admm fits to, a layer's own outputs or the dense model's",
          choices.targets,
          targets,
        ),
      )
      .addOption(
        place(
          '--calibration <SOURCE>',
          'text, .jsonl/.json/.parquet documents (or .gz of these), token windows; c4, wikitext2, ptb from the hub or =FILE',
          'embedded text',
        ),
      )
      .addOption(wholeNumber('--samples <N>', 'calibration windows', samples))
      .addOption(wholeNumber('--search-samples <N>', 'how many of them searches (for λ, for β) use', searchSamples))
      .addOption(wholeNumber('--seq-len <N>', 'tokens of a window', "the model's maximum, at most 2048", 2))
      .addOption(wholeNumber('--seed <N>', 'of the draw of the windows', seed, 0))
      .option('--same-sign', 'of dsnot, no swap that changes the sign of the error')
      .option('--exhaustive', 'run every candidate λ to its end, for the curves')
      .addOption(
        bytes('--search-memory <BYTES>', 'for the states of waiting candidates, the rest in files', searchMemory),
      ),
  ).action((model: string, { out, ...options }: PruneFlags) =>
    inSession(options, async (session) => {
      if (out === undefined) throw new UsageError('expected --out DIR (the folder to write), got none');
      const { prune } = await import('../prune/prune.js');
      const { signal, onProgress } = session;
      const record = await prune({ ...options, model, out, signal, onProgress });
      if (options.json) await session.printJson(record);
      else await session.print(`${describe(record, out, options.quiet === true)}\n`);
    }),
  );
}

function describe(
  { model, prune, search, evidence, format, layers, sparsity, seconds }: RunRecord,
  out: string,
  quiet: boolean,
): string {
  const lambda = (value: number | null) => (value === null ? 'none' : String(value));
  const spread = prune.step === null ? prune.topUp : `${prune.topUp} (${prune.step})`;
  const sparse = layers.filter((layer) => layer.format === 'sparse');
  const fitted =
    prune.targets === null ? '' : `, ${prune.update === 'none' ? '' : 'update admm, '}${prune.targets} targets`;
  return [
    `${model.family}, ${grouped(model.parameters)} parameters: ${prune.method}, ${spread}, ` +
      `${prune.pattern ?? `sparsity ${prune.sparsity}`}${fitted}` +
      `${prune.granularity === 'row' ? '' : ', masks by layer'}${prune.rounding === 'exact' ? ', exact' : ''}`,
    `  removed  ${percent(sparsity.achieved)} of ${grouped(sparsity.weights)} weights`,
    ...(search ? [`  λ        block ${lambda(search.lambda.block)}, row ${lambda(search.lambda.row)}`] : []),
    ...(search ? [`  search   ${search.blockPasses.run} of ${search.blockPasses.exhaustive} block passes`] : []),
    ...(evidence && 'beta' in evidence ? [`  β        ${evidence.beta}`] : []),
    `  seconds  ${seconds.total.toFixed(1)} (search ${seconds.search.toFixed(1)}, prune ${seconds.prune.toFixed(1)})`,
    `  folder   ${out}`,
    ...(format === 'sparse' ? [`  sparse   ${sparse.length} of ${layers.length} layers`] : []),
    ...(quiet || sparse.length === 0 ? [] : ['note: other loaders do not read sparse folders']),
    ...(quiet ? [] : [...missed(prune, sparsity.achieved), `next: neuroal eval ${shellWord(out)}`]),
  ].join('\n');
}

/** Schedules are clamped and counts truncated: where that matters, it is said. */
function missed({ sparsity, rounding, topUp }: RunRecord['prune'], achieved: number): string[] {
  if (Math.abs(sparsity - achieved) <= 0.01) return [];
  if (topUp === 'dsnot')
    return [`note: ${percent(sparsity)} was asked for; swaps that met weights which were kept already have moved it`];
  return [
    `note: ${percent(sparsity)} was asked for; a schedule leaves at least 1 % of each row or block` +
      (rounding === 'published' ? ', and counts are truncated (--rounding exact meets what was asked for)' : ''),
  ];
}
