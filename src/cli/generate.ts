// `neuroal generate`: continues a prompt, and shows the text while it is being made.

import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import type { Generation } from '../generate/generate.js';
import { secondsSince, styled } from './figures.js';
import { modelArgument, type RunFlags, withRun } from './options.js';
import { type SamplingFlags, withSampling } from './sampling.js';
import { inSession } from './session.js';

interface GenerateFlags extends RunFlags, SamplingFlags {
  prompt?: string;
}

/** Adds the command. */
export function addGenerate(program: Command): void {
  const command = program
    .command('generate')
    .description('continue a prompt; into a pipe or file only the new text goes')
    .addArgument(modelArgument())
    .option('--prompt <TEXT>', 'text to continue (required)');
  withRun(withSampling(command)).action((folder: string | undefined, options: GenerateFlags) =>
    inSession(options, async (session) => {
      const { prompt, json } = options;
      if (prompt === undefined) throw new UsageError('expected --prompt TEXT (the text to continue), got none');
      const [{ generate }, { samplingOptions }, { loadModel }] = await Promise.all([
        import('../generate/generate.js'),
        import('../generate/sampling.js'),
        import('../models/load-model.js'),
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
