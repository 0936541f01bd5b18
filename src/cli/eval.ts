// `neuroal eval`: what a model's predictions are worth: its perplexity on texts, its answers to tasks; of several models, the
// one beside the other.

import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import type { Comparison } from '../evaluate/compare.js';
import type { TaskEvaluation } from '../evaluate/evaluate-tasks.js';
import type { PerplexityResult } from '../evaluate/perplexity.js';
import { comparisonTable, perplexityTable, shortNames, taskTable } from './eval-tables.js';
import { secondsSince } from './figures.js';
import { choice, modelsArgument, place, type RunFlags, wholeNumber, withRun } from './options.js';
import { inSession, type Session } from './session.js';
import { splitSources } from './sources.js';

interface EvalFlags extends RunFlags {
  perplexity?: string;
  tasks?: string;
  data?: string;
  output?: string;
  numFewshot?: number;
  bos?: 'tokenizer' | 'none';
  seqLen?: number;
  limit?: number;
}

/** What comes of one model. */
interface Evaluated {
  source: string;
  record: object;
  perplexity: [string, PerplexityResult][];
  tasks: TaskEvaluation | null;
  seconds: { load: number; perplexity?: number; tasks?: number; total: number };
}

/** Adds the command. */
export function addEval(program: Command): void {
  withRun(
    program
      .command('eval')
      .description('measure perplexity and zero-shot tasks, of one model or of several beside the first')
      .addArgument(modelsArgument())
      .addOption(
        place(
          '--perplexity <SOURCE[,SOURCE]>',
          'text, .jsonl/.json/.parquet documents (or .gz of these), token windows; wikitext2, c4, ptb from the hub or =FILE',
          'embedded text, where there are no tasks',
        ),
      )
      .addOption(place('--tasks <TASK[,TASK]>', 'zero-shot tasks, such as arc_easy,rte'))
      .addOption(place('--data <DIR>', 'folder with TASK.jsonl of each task (docs/tasks.md)'))
      .addOption(place('--output <DIR>', 'write the results of tasks there, as lm-evaluation-harness does'))
      .addOption(wholeNumber('--num-fewshot <N>', 'examples in the prompt, from TASK.train.jsonl', 0, 0))
      .addOption(
        choice(
          '--bos <WHAT>',
          'what texts of tasks begin with: what the tokenizer says, or nothing',
          ['tokenizer', 'none'],
          'tokenizer',
        ),
      )
      .addOption(wholeNumber('--seq-len <N>', 'tokens of a window', "the model's maximum, at most 2048", 2))
      .addOption(wholeNumber('--limit <N>', 'windows, and documents of a task, to use at most', 'all')),
  ).action((folders: string[], options: EvalFlags) =>
    inSession(options, (session) => evaluate(folders.length ? folders : [undefined], options, session)),
  );
}

async function evaluate(folders: readonly (string | undefined)[], options: EvalFlags, session: Session): Promise<void> {
  const { signal, onProgress } = session;
  const { json, limit, numFewshot, bos, data, output } = options;
  const [{ locateSource, splitSource }, { embeddedTexts }, { openCheckpoint }] = await Promise.all([
    import('../data/source.js'),
    import('../checkpoint/embedded.js'),
    import('../checkpoint/open-checkpoint.js'),
  ]);
  if (options.tasks === undefined)
    for (const [option, value] of Object.entries({
      '--data': data,
      '--output': output,
      '--num-fewshot': numFewshot,
      '--bos': bos,
    }))
      if (value !== undefined) throw new UsageError(`expected --tasks beside ${option}, got none`);
  if (options.tasks !== undefined && options.perplexity === undefined && options.seqLen !== undefined)
    throw new UsageError('expected --perplexity beside --seq-len and --tasks, got none');
  const sources =
    options.perplexity === undefined
      ? options.tasks === undefined
        ? [embeddedTexts.evaluation]
        : []
      : splitSources(options.perplexity, splitSource);
  // What is not there is said so, or downloaded, before a large model is loaded.
  for (const source of sources) await locateSource(source, { signal, onProgress });
  const prepared =
    options.tasks === undefined
      ? null
      : await (await import('../evaluate/evaluate-tasks.js')).prepareTasks({
          tasks: options.tasks.split(',').map((name) => name.trim()),
          data,
          limit,
          numFewshot,
          bos,
          signal,
          onProgress,
        });
  if (output !== undefined) await (await import('../evaluate/write-results.js')).makeResultsFolder(output);
  if (folders.length > 1)
    for (const folder of folders)
      if (folder !== undefined) await (await openCheckpoint(folder, { signal, onProgress })).close();

  const started = performance.now();
  const all: Evaluated[] = [];
  let comparisons: Comparison[] = [];
  try {
    for (const folder of folders) all.push(await evaluateOne(folder, sources, prepared, options, session));
    comparisons = await compared(all, signal);
  } catch (error) {
    // What is finished took long. Of JSON there is one whole document or none; files of results are written by now.
    if (!json && all.length > 0) {
      session.note(`measured: ${all.length} of ${folders.length} models`);
      if (!signal.aborted) comparisons = await compared(all, signal).catch(() => []);
      await session.print(tablesOf(all, comparisons, folders.length > 1));
    }
    throw error;
  }
  if (json) {
    const { recordHead } = await import('../record.js');
    const { schema, version } = recordHead();
    const head = { schema, version };
    const documents = all.map(documentOf);
    await session.printJson(
      documents.length === 1
        ? { ...head, ...documents[0] }
        : {
            ...head,
            models: documents,
            comparisons: comparisons.map(({ model, ...rest }) => ({
              model: all[model].source,
              against: all[0].source,
              ...rest,
            })),
            seconds: { total: secondsSince(started) },
          },
    );
    return;
  }
  await session.print(tablesOf(all, comparisons, all.length > 1));
}

/** @param several whether there are, or were to be, more models than one */
function tablesOf(all: readonly Evaluated[], comparisons: readonly Comparison[], several: boolean): string {
  const names = shortNames(all.map(({ source }) => source));
  const tables: string[][] = [];
  if (all[0].perplexity.length > 0) {
    const perplexities = all.map(({ perplexity }) => perplexity);
    tables.push(perplexityTable(several ? names : null, perplexities));
  }
  const evaluations = all.flatMap(({ tasks }) => (tasks ? [tasks] : []));
  if (evaluations.length > 0)
    tables.push(several ? comparisonTable(names, evaluations, comparisons) : taskTable(evaluations[0]));
  return `${tables.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

async function evaluateOne(
  folder: string | undefined,
  sources: readonly string[],
  prepared: Awaited<ReturnType<typeof import('../evaluate/evaluate-tasks.js').prepareTasks>> | null,
  options: EvalFlags,
  session: Session,
): Promise<Evaluated> {
  const { signal, onProgress } = session;
  const { seqLen, limit, bos, output } = options;
  const [{ loadModel }, { engineRecord }] = await Promise.all([
    import('../models/load-model.js'),
    import('../record.js'),
  ]);
  const started = performance.now();
  const model = await loadModel(folder, { ...options, signal, onProgress });
  try {
    const seconds: Omit<Evaluated['seconds'], 'total'> = { load: secondsSince(started) };
    const results: [string, PerplexityResult][] = [];
    if (sources.length) {
      const [{ namesOf }, { perplexity }] = await Promise.all([
        import('../data/source.js'),
        import('../evaluate/perplexity.js'),
      ]);
      const begun = performance.now();
      for (const [source, name] of namesOf(sources))
        results.push([name, await perplexity(model, source, { seqLen, limit, signal, onProgress })]);
      seconds.perplexity = secondsSince(begun);
    }
    let tasks: TaskEvaluation | null = null;
    if (prepared) {
      const begun = performance.now();
      const { evaluatePrepared } = await import('../evaluate/evaluate-tasks.js');
      tasks = await evaluatePrepared(model, prepared, { bos, signal, onProgress });
      seconds.tasks = secondsSince(begun);
      if (output !== undefined) {
        const { writeTaskResults } = await import('../evaluate/write-results.js');
        session.note(`results: ${await writeTaskResults(output, model, tasks, { limit, seconds: seconds.tasks })}`);
      }
    }
    const total = secondsSince(started);
    const record = {
      model: { source: model.source, family: model.config.model_type, parameters: model.parameters },
      engine: engineRecord(model.engine),
    };
    return { source: model.source, record, perplexity: results, tasks, seconds: { ...seconds, total } };
  } finally {
    await model.dispose();
  }
}

async function compared(all: readonly Evaluated[], signal: AbortSignal): Promise<Comparison[]> {
  const evaluations = all.flatMap(({ tasks }) => (tasks ? [tasks] : []));
  if (evaluations.length < 2) return [];
  return (await import('../evaluate/compare.js')).compareTasks(evaluations, { signal });
}

/** What the contract says of one model, in its order. */
function documentOf({ record, perplexity, tasks, seconds }: Evaluated): object {
  const { model, engine } = record as { model: object; engine: object };
  const { samples: _, ...harness } = tasks ?? { results: {}, samples: {} };
  return { model, perplexity: Object.fromEntries(perplexity), ...harness, engine, seconds };
}
