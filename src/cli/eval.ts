// `neuroal eval`: what a model's predictions are worth: its perplexity on one or more sources.

import type { Command } from 'commander';
import { grouped, secondsSince, table } from './figures.js';
import { modelArgument, place, type RunFlags, wholeNumber, withRun } from './options.js';
import { inSession } from './session.js';
import { splitSources } from './sources.js';

interface EvalFlags extends RunFlags {
  perplexity?: string;
  seqLen?: number;
  limit?: number;
}

/** Adds the command. */
export function addEval(program: Command): void {
  withRun(
    program
      .command('eval')
      .description('measure perplexity')
      .addArgument(modelArgument())
      .addOption(
        place(
          '--perplexity <SOURCE[,SOURCE]>',
          'text, .jsonl/.json/.parquet documents (or .gz of these), token windows; wikitext2, c4, ptb from the hub or =FILE',
          'embedded text',
        ),
      )
      .addOption(wholeNumber('--seq-len <N>', 'tokens of a window', "the model's maximum, at most 2048", 2))
      .addOption(wholeNumber('--limit <N>', 'windows to use at most', 'all')),
  ).action((folder: string | undefined, options: EvalFlags) =>
    inSession(options, async (session) => {
      const [{ embeddedTexts }, { locateSource, namesOf, splitSource }, { perplexity }, { loadModel }, record] =
        await Promise.all([
          import('../checkpoint/embedded.js'),
          import('../data/source.js'),
          import('../evaluate/perplexity.js'),
          import('../models/model.js'),
          import('../record.js'),
        ]);
      const { signal, onProgress } = session;
      const { json, seqLen, limit } = options;
      const sources =
        options.perplexity === undefined ? [embeddedTexts.evaluation] : splitSources(options.perplexity, splitSource);
      // A source that is not there is said so, or downloaded, before a large model is loaded.
      for (const source of sources) await locateSource(source, { signal, onProgress });
      const started = performance.now();
      const model = await loadModel(folder, { ...options, signal, onProgress });
      try {
        const load = secondsSince(started);
        const loaded = performance.now();
        const results: [string, Awaited<ReturnType<typeof perplexity>>][] = [];
        for (const [source, name] of namesOf(sources))
          results.push([name, await perplexity(model, source, { seqLen, limit, signal, onProgress })]);
        const { schema, version } = record.recordHead();
        if (json)
          await session.printJson({
            schema,
            version,
            model: { source: model.source, family: model.config.model_type, parameters: model.parameters },
            perplexity: Object.fromEntries(results),
            results: {},
            engine: record.engineRecord(model.engine),
            seconds: { load, perplexity: secondsSince(loaded), total: secondsSince(started) },
          });
        else
          await session.print(
            `${table([
              ['source', 'perplexity', 'windows', 'tokens each'],
              ...results.map(([name, r]) => [name, r.perplexity.toFixed(4), grouped(r.windows), grouped(r.seqLen)]),
            ]).join('\n')}\n`,
          );
      } finally {
        await model.dispose();
      }
    }),
  );
}
