// `neuroal bench`: how fast a model loads, reads a prompt and writes, and how much memory that takes.

import type { Command } from 'commander';
import type { Speed, SpeedOptions } from '../generate/speed.js';
import type { LoadOptions } from '../models/model.js';
import { grouped, secondsSince, size, table } from './figures.js';
import { modelArgument, type RunFlags, wholeNumber, withRun } from './options.js';
import { inSession } from './session.js';

interface BenchFlags extends RunFlags {
  promptTokens?: number;
  newTokens?: number;
  runs?: number;
}

/** Adds the command. */
export function addBench(program: Command): void {
  withRun(
    program
      .command('bench')
      .description('measure tokens/s of prefill and decode (medians), load time and peak memory')
      .addArgument(modelArgument())
      .addOption(wholeNumber('--prompt-tokens <N>', 'tokens of the prompt', '512, or what the model takes'))
      .addOption(wholeNumber('--new-tokens <N>', 'tokens to decode', '64, or what the model takes'))
      .addOption(wholeNumber('--runs <N>', 'measured runs, after one that is not', 5)),
  ).action((folder: string | undefined, options: BenchFlags) =>
    inSession(options, async (session) => {
      const [{ measureSpeed }, { loadModel }, record] = await Promise.all([
        import('../generate/speed.js'),
        import('../models/model.js'),
        import('../record.js'),
      ]);
      const { signal, onProgress } = session;
      const started = performance.now();
      const model = await loadModel(folder, { ...options, signal, onProgress });
      try {
        const load = secondsSince(started);
        const { source, parameters, bytes } = model;
        const family = model.config.model_type;
        const { prefill, decode } = await measureSpeed(model, { ...options, signal, onProgress });
        const peakRssBytes = record.peakRssBytes();
        const sparse = model.forms.filter((form) => form.sparse).length;
        const dense = sparse ? await denseSpeed(folder, { ...options, signal, onProgress }) : null;
        const engine = record.engineRecord(model.engine);
        const layers = { sparse, all: model.forms.length };
        const measured = { engine, load, prefill, decode, peakRssBytes, bytes, layers, ...(dense && { dense }) };
        if (options.json) await session.printJson({ model: { source, family, parameters }, ...measured });
        else
          await session.print(
            `${table([
              ['', 'tokens', 'tokens/s', ...(dense ? ['all dense'] : [])],
              ['prefill', ...figures(prefill, dense?.prefill)],
              ['decode', ...figures(decode, dense?.decode)],
            ]).join('\n')}\n\n` +
              (dense ? `${sparse} of ${layers.all} linear layers run as sparse matrices\n` : '') +
              `${family}, ${grouped(parameters)} parameters, ${size(bytes)} of weights; loaded in ${load} s, ` +
              `peak memory ${size(peakRssBytes)}\n` +
              `${engine.backend}, ${engine.simd} SIMD, ${engine.threads} threads, Node ${engine.node}, ${engine.platform}\n`,
          );
      } finally {
        await model.dispose();
      }
    }),
  );
}

/** The speed of the same model with no layer as a sparse matrix. */
async function denseSpeed(folder: string | undefined, options: LoadOptions & SpeedOptions): Promise<Speed> {
  const [{ measureSpeed }, { loadModel }] = await Promise.all([
    import('../generate/speed.js'),
    import('../models/model.js'),
  ]);
  const model = await loadModel(folder, { ...options, sparse: false });
  try {
    return await measureSpeed(model, options);
  } finally {
    await model.dispose();
  }
}

/** Tokens, and tokens per second of one measurement or of two. */
function figures(own: Speed['prefill'], dense: Speed['prefill'] | undefined): string[] {
  const rate = ({ tokensPerSecond }: Speed['prefill']) => grouped(Math.round(tokensPerSecond));
  return [grouped(own.tokens), rate(own), ...(dense ? [rate(dense)] : [])];
}
