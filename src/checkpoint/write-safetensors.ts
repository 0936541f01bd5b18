// Writes safetensors files, one tensor at a time in memory: those of any layout, or the tensors of a checkpoint, whatever its
// own format, in their dtypes and shapes. A head that is the embedding under a second name is written once.

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
  const { names, twins } = namesToWrite(source);
  const layouts = layOut(
    names.map((name) => ({ name, dtype: source.info(name).dtype, shape: source.info(name).shape })),
    shardBytes,
  );
  async function* tensors(): AsyncGenerator<WrittenTensor> {
    for (const name of names) yield { name, bytes: new Uint8Array(await source.read(name, signal)) };
  }
  const files = await writeLayouts(folder, layouts, tensors(), signal);
  const places: Converted['places'] = new Map();
  for (const { file, tensors } of layouts)
    for (const { name, ...place } of tensors) places.set(name, { ...place, file });
  for (const [name, kept] of twins) places.set(name, places.get(kept) as TensorInfo);
  return { files, places };
}

/** The bytes of a tensor that is laid out. */
export interface WrittenTensor {
  name: string;
  bytes: Uint8Array;
}

/**
 * Writes the files of a layout, and their index where there are several, into an existing folder; returns their paths.
 * @param tensors all that are laid out, in any order
 */
export async function writeLayouts(
  folder: string,
  layouts: readonly SafetensorsLayout[],
  tensors: AsyncIterable<WrittenTensor>,
  signal?: AbortSignal,
): Promise<string[]> {
  const files = layouts.map(({ file }) => join(folder, file));
  const handles: FileHandle[] = [];
  try {
    const places = new Map<string, { handle: FileHandle; begin: number }>();
    for (const [i, { header, tensors }] of layouts.entries()) {
      const handle = await open(files[i], 'wx');
      handles.push(handle);
      await writeAt(handle, header, 0, signal);
      for (const { name, begin } of tensors) places.set(name, { handle, begin });
    }
    for await (const { name, bytes } of tensors) {
      const { handle, begin } = places.get(name) as { handle: FileHandle; begin: number };
      await writeAt(handle, bytes, begin, signal);
    }
  } finally {
    for (const handle of handles) await handle.close();
  }
  if (layouts.length > 1) {
    const index = join(folder, 'model.safetensors.index.json');
    files.push(index);
    await writeFile(index, indexOf(layouts));
  }
  return files;
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
 * The tensors of a checkpoint that files of its own would hold, in order, and those that are left out, each with the name of
 * its twin. Throws a CheckpointError for a name that no safetensors file can hold.
 */
export function namesToWrite(source: Checkpoint): { names: string[]; twins: Map<string, string> } {
  const twins = tiedHead(source);
  const names = source.names().filter((name) => !twins.has(name));
  if (names.includes('__metadata__'))
    throw new CheckpointError({ expected: 'names of tensors', got: quoted('__metadata__'), where: source.folder });
  return { names, twins };
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
