// One pruning run: windows, allocation, then the base pruner block by block, each block's inputs coming from the already
// pruned blocks (§8.3 of the algorithms page), each block written as soon as it is done.

import { openBackend } from '../backend/open.js';
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.js';
import { embeddedFolder, embeddedTexts } from '../checkpoint/embedded.js';
import { OutputFolder } from '../checkpoint/output.js';
import { readSource } from '../data/source.js';
import { calibrationWindows, windowsSha256 } from '../data/windows.js';
import { UsageError } from '../errors.js';
import { graphOf } from '../models/families.js';
import type { Graph } from '../models/graph.js';
import { tensorOf } from '../models/parts.js';
import { checkShapes, countParameters, freeWeights, loadBlock, loadOuter, storedName } from '../models/weights.js';
import { safePoint } from '../progress.js';
import { loadTokenizer } from '../text/tokenizer.js';
import { neuroal } from './allocate/neuroal.js';
import { uniform } from './allocate/uniform.js';
import { type Allocation, meanTarget, type Target } from './allocation.js';
import type { PruneContext } from './context.js';
import { MaskedBlock } from './masked-block.js';
import { type Plan, type PruneOptions, planOf, pruneDefaults } from './options.js';
import { engineRecord, type LayerRecord, peakRssBytes, type RunRecord, recordHead } from './record.js';
import { scores } from './scores/scores.js';
import { InputStatistics } from './statistics.js';
import { BlockStream } from './stream.js';
import { admm } from './updates/admm.js';

/** Windows longer than this are not drawn unless asked for, as in the papers. */
const LONGEST_WINDOW = 2048;

/**
 * Prunes a Hugging Face folder into another one that the standard loaders open, with the run record in neuroal.json.
 * The folder appears whole or not at all.
 * @throws UsageError for options; CheckpointError, ConfigError for the model; DataError for the calibration source;
 *   OutputError for the folder to write; the signal's reason when aborted.
 */
export async function prune(options: PruneOptions): Promise<RunRecord> {
  const plan = planOf(options);
  if (typeof options.out !== 'string' || options.out === '')
    throw new UsageError('expected a folder to write (out), got none');
  const started = performance.now();
  const checkpoint = await openCheckpoint(options.model ?? embeddedFolder, { signal: options.signal });
  try {
    const graph = graphOf(checkpoint);
    checkShapes(checkpoint, graph);
    checkPattern(graph, plan);
    const output = await OutputFolder.create(checkpoint, options.out, { force: options.force, signal: options.signal });
    try {
      const record = await run(options, plan, checkpoint, graph, output, started);
      await output.commit();
      return record;
    } finally {
      await output.discard();
    }
  } finally {
    await checkpoint.close();
  }
}

async function run(
  options: PruneOptions,
  plan: Plan,
  checkpoint: Checkpoint,
  graph: Graph,
  output: OutputFolder,
  started: number,
): Promise<RunRecord> {
  const { signal, onProgress } = options;
  const { samples, searchSamples, seed } = { ...pruneDefaults, ...defined(options) };
  const sourceName = options.calibration ?? embeddedTexts.calibration;
  const source = await readSource(sourceName);
  const tokenizer = source.kind === 'windows' ? null : await loadTokenizer(checkpoint.folder);
  const { vocab_size: vocabSize, max_position_embeddings } = graph.config;
  const defaultSeqLen = Math.min(max_position_embeddings, LONGEST_WINDOW);
  checkSeqLen(options.seqLen, graph);
  const windows = await calibrationWindows(source, tokenizer, {
    samples,
    seqLen: options.seqLen,
    defaultSeqLen,
    seed,
    vocabSize,
    signal,
    onProgress,
  });
  if (!(Number.isInteger(searchSamples) && searchSamples >= 1))
    throw new UsageError(`expected search-samples of 1 or more, got ${searchSamples}`);
  const searchWindows = windows.slice(0, searchSamples);

  const backend = await openBackend(options);
  try {
    const outer = await loadOuter(checkpoint, graph, backend, signal);
    const search = new BlockStream(graph, backend, searchWindows);
    const score = scores[plan.method];
    const context = { checkpoint, graph, backend, outer, score, search, signal, onProgress };
    const loaded = performance.now();
    const topUp =
      plan.topUp === 'neuroal' && plan.step
        ? await neuroal(context, plan.sparsity, plan.step, options.exhaustive ?? false)
        : { allocation: uniform(graph, plan.sparsity), search: null };
    search.dispose();
    const searched = performance.now();
    const layers = await pruneBlocks(context, plan, topUp.allocation, windows, output);
    const pruned = performance.now();
    const weights = layers.reduce((sum, l) => sum + l.rows * l.cols, 0);
    const zeros = layers.reduce((sum, l) => sum + l.zeros, 0);
    const { policy: _, ...published } = plan;
    const seconds = (from: number, to: number) => Math.round(to - from) / 1000;
    const record: RunRecord = {
      ...recordHead(),
      model: { source: checkpoint.folder, family: graph.config.model_type, parameters: countParameters(graph) },
      prune: { ...published, rounding: 'published' },
      calibration: {
        source: sourceName,
        windows: windows.length,
        searchWindows: searchWindows.length,
        seqLen: windows[0].length,
        seed,
        sha256: windowsSha256(windows),
      },
      search: topUp.search,
      layers,
      sparsity: { weights, zeros, achieved: zeros / weights },
      engine: engineRecord(backend.info),
      seconds: {
        load: seconds(started, loaded),
        search: seconds(loaded, searched),
        prune: seconds(searched, pruned),
        save: 0,
        total: 0,
      },
      peakRssBytes: peakRssBytes(),
    };
    onProgress?.({ phase: 'save', done: 0, total: 1 });
    const saved = performance.now();
    record.seconds.save = seconds(pruned, saved);
    record.seconds.total = seconds(started, saved);
    await output.writeFile('neuroal.json', `${JSON.stringify(record, null, 1)}\n`);
    return record;
  } finally {
    await backend.dispose();
  }
}

/** Scores, masks, updates and writes every block; the windows stay out of it where neither score nor update asks for them. */
async function pruneBlocks(
  { checkpoint, graph, backend, outer, score, signal, onProgress }: PruneContext,
  plan: Plan,
  allocation: Allocation,
  windows: readonly ArrayLike<number>[],
  output: OutputFolder,
): Promise<LayerRecord[]> {
  const total = graph.config.num_hidden_layers;
  const stream = score.needsActivations || plan.update !== 'none' ? new BlockStream(graph, backend, windows) : null;
  const states = stream?.embed(outer);
  const statistics = new InputStatistics(backend, graph, { gram: plan.update === 'admm' });
  const twin = new MaskedBlock(backend, graph, score);
  const layers: LayerRecord[] = [];
  for (let block = 0; block < total; block++) {
    const dense = await loadBlock(checkpoint, graph, backend, block, signal);
    statistics.reset();
    if (stream && states) await stream.run(dense, states, null, statistics.observe, signal);
    const activations = stream ? await statistics.activations(windows.length) : null;
    const masked = twin.mask(dense, activations, allocation[block], plan.policy);
    for (const { name, input } of graph.linears) {
      const gram = statistics.gram(input);
      if (!gram) continue;
      await admm(backend, tensorOf(dense, `${name}.weight`), tensorOf(masked, `${name}.weight`), gram);
      await safePoint(signal);
    }
    if (stream && states && block + 1 < total) await stream.run(masked, states, states, undefined, signal);
    for (const { name, rows, columns } of graph.linears) {
      const values = await backend.read(tensorOf(masked, `${name}.weight`));
      const stored = storedName(checkpoint, graph, `${graph.prefix(block)}${name}.weight`);
      await output.writeTensor(stored, values);
      layers.push({
        name: stored.replace(/\.weight$/, ''),
        block,
        rows,
        cols: columns,
        target: meanTarget(allocation[block].get(name) as Target),
        zeros: values.reduce((count, v) => count + (v === 0 ? 1 : 0), 0),
      });
      await safePoint(signal);
    }
    freeWeights(backend, dense);
    onProgress?.({ phase: 'prune', done: block + 1, total });
  }
  return layers;
}

/** n:m groups must divide the inputs of every layer. */
function checkPattern(graph: Graph, { policy, pattern }: Plan): void {
  const { name, columns } = (policy.kind === 'n:m' && graph.linears.find((l) => l.columns % policy.m !== 0)) || {};
  if (name !== undefined)
    throw new UsageError(
      `expected a pattern whose m divides the inputs of every layer, got ${pattern}: ${name} has ${columns}`,
    );
}

function checkSeqLen(seqLen: number | undefined, graph: Graph): void {
  const most = graph.config.max_position_embeddings;
  if (seqLen !== undefined && !(Number.isInteger(seqLen) && seqLen >= 2 && seqLen <= most))
    throw new UsageError(`expected a seq-len from 2 to ${most} (the model's max_position_embeddings), got ${seqLen}`);
}

function defined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)) as never;
}
