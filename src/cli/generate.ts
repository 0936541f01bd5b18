// `neuroal generate`: continues a prompt, and shows the text while it is being made.

import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import type { Generation } from '../generate/generate.js';
import { samplingDefaults } from '../generate/sampling.js';
import { secondsSince, styled } from './figures.js';
import { type EngineFlags, modelArgument, number, texts, wholeNumber, withEngine } from './options.js';
import { inSession } from './session.js';

interface GenerateFlags extends EngineFlags {
  prompt?: string;
  maxTokens?: number;
  temperature?: number;
  topP?: number;
  topK?: number;
  repetitionPenalty?: number;
  stop?: string[];
  seed?: number;
}

const { temperature, topP, topK, repetitionPenalty } = samplingDefaults;

/** Adds the command. */
export function addGenerate(program: Command): void {
  withEngine(
    program
      .command('generate')
      .description('continue a prompt; into a pipe or file only the new text goes')
      .addArgument(modelArgument())
      .option('--prompt <TEXT>', 'text to continue (required)')
      .addOption(wholeNumber('--max-tokens <N>', 'new tokens at most', 128, 0))
      .addOption(number('--temperature <T>', '0 takes the most likely token', temperature))
      .addOption(number('--top-p <P>', 'only the most likely tokens that together have this probability', topP))
      .addOption(wholeNumber('--top-k <K>', 'only the K most likely tokens; 0 = all', topK, 0))
      .addOption(
        number('--repetition-penalty <X>', 'above 1, tokens that were there become less likely', repetitionPenalty),
      )
      .addOption(texts('--stop <TEXT>', 'text at which to stop; may be given several times'))
      .addOption(wholeNumber('--seed <N>', 'the same seed gives the same text', 0, 0)),
  ).action((folder: string | undefined, options: GenerateFlags) =>
    inSession(options, async (session) => {
      const { prompt, json } = options;
      if (prompt === undefined) throw new UsageError('expected --prompt TEXT (the text to continue), got none');
      const [{ generate }, { samplingOptions }, { loadModel }] = await Promise.all([
        import('../generate/generate.js'),
        import('../generate/sampling.js'),
        import('../models/model.js'),
      ]);
      samplingOptions(options);
      const { signal, onProgress } = session;
      const started = performance.now();
      const model = await loadModel(folder, { ...options, signal, onProgress });
      try {
        const load = secondsSince(started);
        const terminal = process.stdout.isTTY === true;
        if (!json && terminal) session.stream(styled('dim', prompt));
        const onText = json ? undefined : session.stream;
        const { seconds, ...generation } = await generate(model, prompt, { ...options, signal, onText }).finally(() => {
          // Also after an interruption, so that what comes next stands on a line of its own.
          if (!json && terminal) session.stream('\n');
        });
        if (json) await session.printJson({ ...generation, seconds: { load, ...seconds } });
        else if (!terminal) await session.print('\n');
        if (process.stderr.isTTY) session.note(styled('dim', summary({ seconds, ...generation })));
      } finally {
        await model.dispose();
      }
    }),
  );
}

function summary({ tokens, finishReason, seconds }: Generation): string {
  const speed = Math.round(tokens.length / Math.max(seconds.decode, 1e-6));
  return `${tokens.length} tokens, ${speed} tokens/s, ended by ${finishReason === 'stop' ? 'the text' : 'the limit'}`;
}
