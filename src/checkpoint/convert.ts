// Writes the weights of a checkpoint as safetensors, whatever its own format: every tensor in its dtype and shape, one at a
// time in memory. A head that is the embedding under a second name is written once.

import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.js';
import { quoted } from '../quoted.js';
import type { Checkpoint, TensorInfo } from './checkpoint.js';
import { indexOf, layOut, type SafetensorsLayout } from './safetensors-layout.js';

/** Bytes of tensors in a file, as huggingface_hub has it. */
export const defaultShardBytes = 5e9;

export interface Converted {
  /** Paths of what was written. */
  files: string[];
  /** Where each tensor lies in the new files; that of a name left out is its twin's. */
  places: Map<string, TensorInfo>;
}

/** Writes model.safetensors, or shards of at most `shardBytes` with their index, into an existing folder. */
export async function writeSafetensors(
  source: Checkpoint,
  folder: string,
  shardBytes: number,
  signal?: AbortSignal,
): Promise<Converted> {
  const twins = tiedHead(source);
  const names = source.names().filter((name) => !twins.has(name));
  if (names.includes('__metadata__'))
    throw new CheckpointError({ expected: 'names of tensors', got: quoted('__metadata__'), where: source.folder });
  const layouts = layOut(
    names.map((name) => ({ name, dtype: source.info(name).dtype, shape: source.info(name).shape })),
    shardBytes,
  );
  const files: string[] = [];
  const places: Converted['places'] = new Map();
  for (const layout of layouts) {
    files.push(join(folder, layout.file));
    await writeLayout(source, folder, layout, signal);
    for (const { name, ...place } of layout.tensors) places.set(name, { ...place, file: layout.file });
  }
  if (layouts.length > 1) {
    const index = join(folder, 'model.safetensors.index.json');
    files.push(index);
    await writeFile(index, indexOf(layouts));
  }
  for (const [name, kept] of twins) places.set(name, places.get(kept) as TensorInfo);
  return { files, places };
}

async function writeLayout(
  source: Checkpoint,
  folder: string,
  { file, header, tensors }: SafetensorsLayout,
  signal?: AbortSignal,
): Promise<void> {
  const handle = await open(join(folder, file), 'wx');
  try {
    await writeAt(handle, header, 0, signal);
    for (const { name, begin } of tensors)
      await writeAt(handle, new Uint8Array(await source.read(name, signal)), begin, signal);
  } finally {
    await handle.close();
  }
}

/** Writes all of `bytes` at `position`, in steps between which the signal is looked at. */
export async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number, signal?: AbortSignal) {
  const step = 64 * 1024 * 1024;
  for (let done = 0; done < bytes.length; ) {
    signal?.throwIfAborted();
    done += (await handle.write(bytes, done, Math.min(step, bytes.length - done), position + done)).bytesWritten;
  }
}

/**
 * Heads that view the same numbers as the embedding, each with the name of the embedding, where config.json says that the
 * two are tied: a loader then makes the head from the embedding. Nothing else that is shared may be left out: a loader
 * would miss it, and pruning one of two layers must not change the other.
 */
function tiedHead(source: Checkpoint): Map<string, string> {
  const twins = new Map<string, string>();
  if (!source.config.boolean('tie_word_embeddings', false)) return twins;
  const isHead = (name: string) => /(^|\.)(lm_head|embed_out)\.weight$/.test(name);
  const isEmbedding = (name: string) => /embed|wte/.test(name) && !isHead(name);
  const view = (name: string) => {
    const { file, dtype, shape, begin, end, strides } = source.info(name);
    return JSON.stringify([file, dtype, shape, begin, end, strides]);
  };
  const embeddings = new Map(
    source
      .names()
      .filter(isEmbedding)
      .map((name) => [view(name), name]),
  );
  for (const name of source.names().filter(isHead)) {
    const embedding = embeddings.get(view(name));
    if (embedding !== undefined) twins.set(name, embedding);
  }
  return twins;
}
