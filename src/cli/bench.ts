// `neuroal bench`: how fast a model loads, reads a prompt and writes, and how much memory that takes.

import type { Command } from 'commander';
import type { Speed, SpeedOptions } from '../generate/speed.js';
import type { Model } from '../models/model.js';
import { grouped, secondsSince, size, table, threadsText } from './figures.js';
import { type CacheFlags, modelArgument, type RunFlags, wholeNumber, withCache, withRun } from './options.js';
import { inSession } from './session.js';

interface BenchFlags extends RunFlags, CacheFlags {
  promptTokens?: number;
  newTokens?: number;
  runs?: number;
}

/** Share of zeros from which a layer counts as pruned. */
const WORTH_A_WORD = 0.1;

/** Adds the command. */
export function addBench(program: Command): void {
  const command = program
    .command('bench')
    .description('measure tokens/s of prefill and decode (medians), load time and peak memory')
    .addArgument(modelArgument())
    .addOption(wholeNumber('--prompt-tokens <N>', 'tokens of the prompt', '512, or what the model takes'))
    .addOption(wholeNumber('--new-tokens <N>', 'tokens to decode', '64, or what the model takes'))
    .addOption(wholeNumber('--runs <N>', 'measured runs, after one that is not', 5));
  withRun(withCache(command)).action((folder: string | undefined, options: BenchFlags) =>
    inSession(options, async (session) => {
      const [{ loadModel }, record] = await Promise.all([import('../models/load-model.js'), import('../record.js')]);
      const { signal, onProgress } = session;
      const { kvCache } = options;
      const started = performance.now();
      const own = { ...options, signal, onProgress };
      const model = await loadModel(folder, own);
      const load = secondsSince(started);
      const { source, parameters, bytes, forms } = model;
      const engine = record.engineRecord(model.engine);
      const { prefill, decode } = await measureAndDispose(model, own);
      const peakRssBytes = record.peakRssBytes();
      const layers = { sparse: forms.filter((form) => form.sparse).length, all: forms.length };
      const pruned = forms.some(({ sparsity }) => sparsity > WORTH_A_WORD);
      // The same model once more, with no layer as a sparse matrix.
      const dense = layers.sparse
        ? await measureAndDispose(await loadModel(folder, { ...own, sparse: false }), own)
        : null;
      const family = model.config.model_type;
      const measured = {
        engine,
        load,
        prefill,
        decode,
        peakRssBytes,
        bytes,
        ...(kvCache === 'bf16' && { kvCache }),
        ...(pruned && { layers }),
        ...(dense && { dense }),
      };
      if (options.json) await session.printJson({ model: { source, family, parameters }, ...measured });
      else
        await session.print(
          `${table([
            ['', 'tokens', 'tokens/s', ...(dense ? ['all dense'] : [])],
            ['prefill', ...figures(prefill, dense?.prefill)],
            ['decode', ...figures(decode, dense?.decode)],
          ]).join('\n')}\n\n` +
            (pruned
              ? `${layers.sparse} of ${layers.all} linear layers run as sparse matrices (docs/running.md)\n`
              : '') +
            `${family}, ${grouped(parameters)} parameters, ${size(bytes)} of weights as stored; loaded in ${load} s, ` +
            `peak memory ${size(peakRssBytes)}${kvCache === 'bf16' ? ', keys and values of bf16' : ''}\n` +
            `${engine.backend}, ${engine.simd} SIMD, ${threadsText(engine.threads)}, Node ${engine.node}, ${engine.platform}\n`,
        );
    }),
  );
}

async function measureAndDispose(model: Model, options: SpeedOptions): Promise<Speed> {
  const { measureSpeed } = await import('../generate/speed.js');
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
