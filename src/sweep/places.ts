// Where the models and sources of a plan are. Paths start from the plan's folder, so that a plan can be run from anywhere.

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { embeddedFolder, embeddedTexts } from '../checkpoint/embedded.js';
import { hubEnvironment } from '../checkpoint/hub/environment.js';
import { looksLikePath } from '../checkpoint/hub/repository.js';
import { locateModel, type ResolveOptions } from '../checkpoint/hub/resolve.js';
import { protocols } from '../data/kinds.js';
import { locateSource, readSource, splitSource, type Use } from '../data/source.js';
import { CheckpointError, DataError } from '../errors.js';
import type { LongRunning } from '../progress.js';
import { folderIdentity, sourceIdentity } from './identity.js';

/** A model, found. */
export interface ModelPlace {
  /** Folder, or `org/name@commit`: a branch of the Hub may move while a sweep runs. */
  place: string;
  /** JSON that is the same for models with the same files; null of one that is not here. */
  identity: unknown;
}

/**
 * Finds a model of a plan; one of the Hub is downloaded.
 * @throws CheckpointError where there is none, and what `openCheckpoint` throws of the Hub
 */
export async function modelPlace(name: string, folder: string, options: ResolveOptions): Promise<ModelPlace> {
  const path = name === 'embedded' ? embeddedFolder : resolve(folder, name);
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  const found = await locateModel(isFolder || looksLikePath(name) ? path : name, options);
  const identity = found.source === found.folder ? await folderIdentity(found.folder) : found.source;
  return { place: found.source, identity };
}

/** Like `modelPlace`, with nothing downloaded; a model of the Hub that is not in the cache is taken to be there. */
export async function modelPlaceOffline(name: string, folder: string, options: LongRunning): Promise<ModelPlace> {
  const environment = await hubEnvironment();
  const offline = environment.offline ?? 'a dry run';
  try {
    return await modelPlace(name, folder, { ...options, environment: { ...environment, offline } });
  } catch (error) {
    // The one complaint about the cache: that it lacks the model.
    if (error instanceof CheckpointError && error.where === environment.cache) return { place: name, identity: null };
    throw error;
  }
}

/** The SOURCE that a plan's word stands for: `embedded`, or a file with its path made absolute. */
export function sourcePlace(word: string, folder: string, embedded: keyof typeof embeddedTexts): string {
  if (word === 'embedded') return embeddedTexts[embedded];
  const { protocol, path } = splitSource(word);
  // Of the hub, or for `readSource` to refuse.
  if (path === '' || (protocols as readonly string[]).includes(word)) return word;
  const file = resolve(folder, path);
  return protocol === null ? file : `${protocol}=${file}`;
}

/**
 * The identity of a source that can be read. One of the hub is downloaded, but for a dry run, which takes one that is not in
 * the cache to be there.
 */
export async function foundSource(source: string, use: Use, dryRun: boolean, options: LongRunning): Promise<string> {
  const environment = await hubEnvironment();
  const offline = environment.offline ?? 'a dry run';
  const all = { ...options, use, environment: dryRun ? { ...environment, offline } : environment };
  try {
    await readSource(source, all);
    return await sourceIdentity(await locateSource(source, all));
  } catch (error) {
    if (dryRun && error instanceof DataError && error.where === environment.cache) return `${source} ${use}`;
    throw error;
  }
}
