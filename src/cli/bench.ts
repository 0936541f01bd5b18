// `neuroal bench`: how fast a model loads, reads a prompt and writes, and how much memory that takes.

import type { Command } from 'commander';
import { grouped, secondsSince, size, table } from './figures.js';
import { type EngineFlags, modelArgument, wholeNumber, withEngine } from './options.js';
import { inSession } from './session.js';

interface BenchFlags extends EngineFlags {
  promptTokens?: number;
  newTokens?: number;
  runs?: number;
}

/** Adds the command. */
export function addBench(program: Command): void {
  withEngine(
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
        const engine = record.engineRecord(model.engine);
        const peakRssBytes = record.peakRssBytes();
        const measured = { engine, load, prefill, decode, peakRssBytes, bytes };
        if (options.json) await session.printJson({ model: { source, family, parameters }, ...measured });
        else
          await session.print(
            `${table([
              ['', 'tokens', 'tokens/s'],
              ['prefill', grouped(prefill.tokens), grouped(Math.round(prefill.tokensPerSecond))],
              ['decode', grouped(decode.tokens), grouped(Math.round(decode.tokensPerSecond))],
            ]).join('\n')}\n\n` +
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
