// A model folder in another form: the linear layers of its blocks sparse or dense, their values in another dtype. Nothing
// else of the model changes.

import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { embeddedFolder } from '../checkpoint/embedded.js';
import { openCheckpoint } from '../checkpoint/open-checkpoint.js';
import { OutputFolder } from '../checkpoint/output.js';
import type { Format } from '../checkpoint/sparse/layout.js';
import { type Form, writeWeights } from '../checkpoint/sparse/write.js';
import { peakRssBytes, recordHead } from '../record.js';
import { type ConvertOptions, checkOptions, type Values, valueDtypes } from './convert-options.js';
import { graphOf } from './families.js';
import type { Graph } from './graph.js';
import { checkTensors, countParameters, storedLayer } from './weights.js';

/** A linear layer of a block in its new form. */
export interface ConvertedLayer extends Form {
  /** As in the checkpoint, without ".weight". */
  name: string;
  block: number;
  rows: number;
  cols: number;
}

/** What `convert` did: the JSON document of the command. */
export interface ConvertRecord {
  schema: 1;
  version: string;
  /** ISO time. */
  created: string;
  model: { source: string; family: string; parameters: number };
  convert: { format: Format; values: Values | null };
  layers: ConvertedLayer[];
  /** Of all weight files. */
  bytes: { before: number; after: number };
  seconds: { total: number };
  peakRssBytes: number;
}

/**
 * Writes a Hugging Face folder in another form: sparse as docs/sparse-files.md has it, or dense for the standard loaders.
 * The folder appears whole or not at all; one layer at a time is in memory.
 * @throws UsageError for options; CheckpointError, ConfigError for the model; OutputError for the folder to write, and for a
 *   value that the dtype cannot hold; the signal's reason when aborted.
 */
export async function convert(options: ConvertOptions): Promise<ConvertRecord> {
  const started = performance.now();
  checkOptions(options);
  const { model = embeddedFolder, out, format, values } = options;
  const checkpoint = await openCheckpoint(model, options);
  try {
    const graph = graphOf(checkpoint);
    await checkTensors(checkpoint, graph, options.signal);
    const { output, layers, bytes } = await convertFolder(checkpoint, graph, out, options);
    try {
      await output.commit();
    } finally {
      await output.discard();
    }
    return {
      ...recordHead(),
      model: { source: checkpoint.source, family: graph.config.model_type, parameters: countParameters(graph) },
      convert: { format, values: values ?? null },
      layers,
      bytes: { before: checkpoint.bytes, after: bytes },
      seconds: { total: Math.round(performance.now() - started) / 1000 },
      peakRssBytes: peakRssBytes(),
    };
  } finally {
    await checkpoint.close();
  }
}

/** A folder in its new form that has not appeared yet. */
export interface Conversion {
  output: OutputFolder;
  layers: ConvertedLayer[];
  /** Of all weight files. */
  bytes: number;
}

/** Writes all of a conversion; the caller commits or discards it. Throws what `convert` throws, leaving nothing behind. */
export async function convertFolder(
  checkpoint: Checkpoint,
  graph: Graph,
  out: string,
  { format, values, force = false, signal, onProgress }: Omit<ConvertOptions, 'model' | 'out'>,
): Promise<Conversion> {
  const output = await OutputFolder.create(checkpoint, out, { force, conversion: true, signal });
  try {
    const linears = layersOf(checkpoint, graph);
    const names = linears.map(({ name }) => `${name}.weight`);
    const dtype = values && valueDtypes[values];
    const { forms, bytes } = await writeWeights(checkpoint, output, names, {
      format,
      values: dtype,
      signal,
      onProgress,
    });
    const layers = linears.map((layer, i) => ({ ...layer, ...(forms.get(names[i]) as Form) }));
    return { output, layers, bytes };
  } catch (error) {
    await output.discard();
    throw error;
  }
}

/** The linear layers of all blocks; the stored tensor of each is a matrix, whichever way it lies. */
function layersOf(checkpoint: Checkpoint, graph: Graph): Omit<ConvertedLayer, keyof Form>[] {
  return Array.from({ length: graph.config.num_hidden_layers }, (_, block) =>
    graph.linears.map(({ name, rows, columns }) => ({
      name: storedLayer(checkpoint, graph, block, name),
      ...{ block, rows, cols: columns },
    })),
  ).flat();
}
