// A model loaded to run, from wherever its files are: what a function or a page needs, and nothing that prunes.

import type { Backend } from '../backend/backend.js';
import type { KernelSources } from '../backend/wasm/kernel-source.js';
import { type Checkpoint, openModelFiles } from '../checkpoint/checkpoint.js';
import { DiskFolder } from '../checkpoint/disk-folder.js';
import type { Folder } from '../checkpoint/folder.js';
import { GivenFiles, type ModelFiles } from '../checkpoint/given-files.js';
import { WebFolder } from '../checkpoint/web-folder.js';
import { UsageError } from '../errors.js';
import { filledRunOptions, load, type RunOptions } from '../models/load.js';
import type { Model } from '../models/model.js';
import { nodeFilesSync, nodeUrl } from '../node.js';
import { embeddedPlace } from '../package-files.js';
import { type LongRunning, unlessAborted } from '../progress.js';
import { quoted } from '../quoted.js';
import { checkEngineOptions, openEngine, type RuntimeEngineOptions } from './engine.js';

/** A folder (in Node), a URL below which the files are (http, https; in Node file), or the files by their names. */
export type ModelSource = string | URL | ModelFiles;

export interface RuntimeOptions extends RuntimeEngineOptions, LongRunning, RunOptions {}

/** Loads a model with the kernels `own`, where the options name none. */
export async function loadWith(
  own: KernelSources,
  source: ModelSource | undefined,
  options: RuntimeOptions,
): Promise<Model> {
  if (typeof options !== 'object' || options === null) throw new UsageError(`expected options, got ${quoted(options)}`);
  const place = source === undefined ? embeddedPlaceOf() : folderOf(source);
  let engine: Promise<Backend> | undefined;
  let checkpoint: Checkpoint | undefined;
  try {
    const filled = filledRunOptions(options);
    checkEngineOptions(options);
    const { signal } = options;
    signal?.throwIfAborted();
    // The kernels are compiled while the first bytes of the model come.
    const opening = openEngine(options, own);
    engine = opening;
    // What is wrong with the files is said first.
    engine.catch(() => {});
    checkpoint = await openModelFiles(place, { signal });
    return await load(checkpoint, () => unlessAborted(opening, signal), { ...options, ...filled });
  } catch (error) {
    // Not waited for: kernels that do not come would keep the error back.
    engine?.then((backend) => backend.dispose()).catch(() => {});
    place.close?.();
    throw error;
  } finally {
    await checkpoint?.close();
  }
}

/** The embedded model, where there is one: beside the package, in no bundle. */
function embeddedPlaceOf(): Folder {
  try {
    const place = embeddedPlace();
    if (place.protocol === 'file:' && nodeFilesSync().existsSync(place)) return folderOf(place);
  } catch {
    // Where there is no place of a module, or no Node, there is no package.
  }
  throw new UsageError('expected a source of the model: a bundle has no embedded one');
}

function folderOf(source: ModelSource): Folder {
  if (typeof source === 'string' && source !== '')
    return /^https?:\/\//i.test(source) ? folderOf(new URL(source)) : new DiskFolder(source, true);
  if (source instanceof URL) {
    if (/^https?:$/.test(source.protocol)) return new WebFolder(source);
    if (source.protocol === 'file:') return new DiskFolder(nodeUrl().fileURLToPath(source), true);
    throw new UsageError(`expected a URL of http, https or file, got ${quoted(source.protocol)}`);
  }
  if (typeof source === 'object' && source !== null && !Array.isArray(source)) return new GivenFiles(source);
  throw new UsageError(`expected a folder, a URL or files by their names, got ${quoted(source)}`);
}
