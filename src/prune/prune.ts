// One pruning run from options to folder: everything cheap is checked first, then the copy of the checkpoint is begun, the
// allocation found, every block pruned, and the record written.

import { openBackend, threadsOf } from '../backend/open.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { embeddedFolder, embeddedTexts } from '../checkpoint/embedded.js';
import { openCheckpoint } from '../checkpoint/open-checkpoint.js';
import { OutputFolder } from '../checkpoint/output.js';
import { readSource } from '../data/source.js';
import { calibrationWindows, windowsSha256 } from '../data/windows.js';
import { UsageError } from '../errors.js';
import { checkSeqLen, checkWindowLengths, defaultSeqLen } from '../models/context-length.js';
import { type Conversion, convertFolder } from '../models/convert.js';
import { checkFormat } from '../models/convert-options.js';
import { graphOf } from '../models/families.js';
import type { Graph } from '../models/graph.js';
import { checkTensors, countParameters, loadOuter } from '../models/weights.js';
import { engineRecord, peakRssBytes, recordHead } from '../record.js';
import { findAllocation } from './allocate/allocations.js';
import { pruneBlocks } from './blocks.js';
import type { PruneContext } from './context.js';
import { type Plan, type PruneOptions, planOf, pruneDefaults } from './options.js';
import type { RunRecord } from './record.js';
import { BlockStream } from './stream.js';

/**
 * Prunes a Hugging Face folder into another one that the standard loaders open, with the run record in neuroal.json.
 * The folder appears whole or not at all.
 * @throws UsageError for options; CheckpointError, ConfigError for the model; DataError for the calibration source;
 *   OutputError for the folder to write; the signal's reason when aborted.
 */
export async function prune(options: PruneOptions): Promise<RunRecord> {
  const { signal, onProgress, force = false, format = pruneDefaults.format } = options;
  const plan = planOf(options);
  checkFormat(format);
  if (typeof options.out !== 'string' || options.out === '')
    throw new UsageError('expected a folder to write (out), got none');
  const started = performance.now();
  const checkpoint = await openCheckpoint(options.model ?? embeddedFolder, { signal, onProgress });
  try {
    const graph = graphOf(checkpoint);
    await checkTensors(checkpoint, graph, signal);
    checkPattern(graph, plan);
    await OutputFolder.check(checkpoint, options.out, force);
    const calibration = await readCalibration(options, checkpoint, graph);
    const backend = await openBackend(options);
    try {
      const output = await OutputFolder.create(checkpoint, options.out, { force, signal });
      try {
        const outer = await loadOuter(checkpoint, graph, backend, signal);
        const context: PruneContext = {
          ...{ checkpoint, graph, backend, outer, plan, signal, onProgress },
          windows: calibration.windows,
          searchStream: new BlockStream(graph, backend, calibration.searchWindows),
          searchMemory: options.searchMemory ?? pruneDefaults.searchMemory,
          exhaustive: options.exhaustive ?? false,
        };
        const loaded = performance.now();
        const found = await findAllocation(context);
        context.searchStream.dispose();
        const searched = performance.now();
        const pruned = await pruneBlocks(context, found.allocation, output);
        const done = performance.now();
        onProgress?.({ phase: 'save', done: 0, total: 1 });
        const sparse = format === 'sparse' ? await sparseTwin(output, options) : null;
        // A dense folder that is only on the way to a sparse one need not be on the disk.
        if (!sparse) await output.flush();
        const saved = performance.now();

        const forms = new Map(sparse?.layers.map((layer) => [layer.name, layer.format]));
        const layers = pruned.map((layer) => (sparse ? { ...layer, format: forms.get(layer.name) } : layer));
        const weights = layers.reduce((sum, l) => sum + l.rows * l.cols, 0);
        const zeros = layers.reduce((sum, l) => sum + l.zeros, 0);
        const { policy: _policy, score: _score, allocator: _allocator, ...published } = plan;
        const seconds = (from: number, to: number) => Math.round(to - from) / 1000;
        const record: RunRecord = {
          ...recordHead(),
          model: { source: checkpoint.source, family: graph.config.model_type, parameters: countParameters(graph) },
          prune: published,
          calibration: calibration.record,
          search: found.search,
          evidence: found.evidence,
          format,
          layers,
          sparsity: { weights, zeros, achieved: zeros / weights },
          engine: engineRecord(backend.info),
          seconds: {
            load: seconds(started, loaded),
            search: seconds(loaded, searched),
            prune: seconds(searched, done),
            save: seconds(done, saved),
            total: seconds(started, saved),
          },
          peakRssBytes: peakRssBytes(),
        };
        await publish(sparse?.output ?? output, record);
        return record;
      } finally {
        await output.discard();
      }
    } finally {
      await backend.dispose();
    }
  } finally {
    await checkpoint.close();
  }
}

/**
 * The pruned folder in sparse form, written beside the dense one, which has not appeared and never will; neither will this
 * one before it is published.
 */
async function sparseTwin(dense: OutputFolder, { out, force, signal, onProgress }: PruneOptions): Promise<Conversion> {
  const checkpoint = await openCheckpoint(dense.partial);
  try {
    const options = { format: 'sparse', force, signal, onProgress } as const;
    return await convertFolder(checkpoint, graphOf(checkpoint), out, options);
  } finally {
    await checkpoint.close();
  }
}

/** Makes a folder appear, with its record; on an error nothing of it stays. */
async function publish(output: OutputFolder, record: RunRecord): Promise<void> {
  try {
    await output.writeFile('neuroal.json', `${JSON.stringify(record, null, 1)}\n`);
    await output.commit();
  } finally {
    await output.discard();
  }
}

/** The windows of the base pruner and of the search, both from one draw, and what the record says of them. */
async function readCalibration(options: PruneOptions, checkpoint: Checkpoint, graph: Graph) {
  const { samples = pruneDefaults.samples, searchSamples = pruneDefaults.searchSamples } = options;
  const { seed = pruneDefaults.seed } = options;
  const { config } = graph;
  const { signal, onProgress, seqLen, calibration = embeddedTexts.calibration } = options;
  for (const [name, value] of Object.entries({ samples, 'search-samples': searchSamples }))
    if (!(Number.isInteger(value) && value >= 1)) throw new UsageError(`expected ${name} of 1 or more, got ${value}`);
  checkSeqLen(config, seqLen);
  const source = await readSource(calibration, { use: 'calibration', signal, onProgress });
  const tokenizer =
    source.kind === 'windows' ? null : await (await import('../text/tokenizer.js')).loadTokenizer(checkpoint.folder);
  const drawn = await calibrationWindows(source, tokenizer, {
    samples: Math.max(samples, searchSamples),
    seqLen,
    defaultSeqLen: defaultSeqLen(config),
    seed,
    vocabSize: config.vocab_size,
    threads: await threadsOf(options),
    signal,
    onProgress,
  });
  checkWindowLengths(config, drawn, source.name);
  const windows = drawn.slice(0, samples);
  const searchWindows = drawn.slice(0, searchSamples);
  const record: RunRecord['calibration'] = {
    source: calibration,
    ...('commit' in source ? { commit: source.commit } : {}),
    windows: windows.length,
    searchWindows: searchWindows.length,
    seqLen: windows[0].length,
    seed,
    sha256: windowsSha256(windows),
  };
  return { windows, searchWindows, record };
}

/** n:m groups must divide the inputs of every layer. */
function checkPattern(graph: Graph, { policy, pattern }: Plan): void {
  const { name, columns } = (policy.kind === 'n:m' && graph.linears.find((l) => l.columns % policy.m !== 0)) || {};
  if (name !== undefined)
    throw new UsageError(
      `expected a pattern whose m divides the inputs of every layer, got ${pattern}: ${name} has ${columns}`,
    );
}
