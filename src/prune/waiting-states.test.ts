// The states of waiting candidates: what goes to files comes back bit for bit, nothing is written while memory suffices, and
// whatever ends a search leaves no file behind.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { lehmer, tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../test/golden/tiny-llama.js';
import { contextOf, type TestContext } from '../../test/prune-context.js';
import { OutputError } from '../errors.js';
import { allocate } from './allocation.js';
import { search } from './search.js';
import type { HiddenStates } from './stream.js';
import { WaitingStates } from './waiting-states.js';

let model: string;
let context: TestContext;
/** The folder for temporary files of a test. */
let temporary: string;
beforeAll(async () => {
  model = await tinyFolder(tinyConfig, tinyTensors(tinyConfig, 3));
  // 64 windows of 32 tokens are a batch: three of them, the last one short.
  context = await contextOf(model, tinyWindows(130, 32));
});
afterAll(async () => {
  await context.close();
  await removeFolder(model);
});
beforeEach(async () => {
  temporary = await folderWith();
  useTemporary(temporary);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await removeFolder(temporary);
});

/** Under every name that an operating system looks at. */
function useTemporary(folder: string): void {
  for (const name of ['TMPDIR', 'TMP', 'TEMP']) vi.stubEnv(name, folder);
}

/** Room for the states of `candidates`. */
const waiting = (candidates: number) =>
  new WaitingStates(context.searchStream, candidates * context.searchStream.stateBytes);

const bits = (values: Float32Array) => Buffer.from(values.slice().buffer).toString('base64');

/** Writes numbers of every kind into the states of a candidate, and returns their bits. */
function fill(states: HiddenStates, candidate: number): string[] {
  const random = lehmer(candidate + 1);
  return states.map((batch) => {
    const values = Float32Array.from({ length: batch.size }, () => (random() - 0.5) * 10 ** (80 * random() - 40));
    values.set([-0, Number.POSITIVE_INFINITY, 1e-45]);
    context.backend.write(batch, values);
    return bits(values);
  });
}

const bitsOf = (states: HiddenStates) =>
  Promise.all(states.map(async (batch) => bits(await context.backend.read(batch))));

/** The files of the one folder that there is, if there is one. */
function files(): string[] {
  const [folder, ...others] = readdirSync(temporary);
  if (folder === undefined) return [];
  expect(folder).toMatch(/^neuroal-search-/);
  expect(others).toEqual([]);
  return readdirSync(join(temporary, folder)).sort();
}

const first = (candidate: number) => -candidate;

it('brings states of several batches back bit for bit', async () => {
  const states = waiting(1);
  const written: string[][] = [];
  for (const i of [0, 1, 2]) {
    const held = await states.hold(i, first);
    expect(held.map(({ rowCount }) => rowCount)).toEqual([64 * 32, 64 * 32, 2 * 32]);
    written.push(fill(held, i));
  }
  expect(files()).toEqual(['0-0.f32', '0-1.f32', '0-2.f32', '1-0.f32', '1-1.f32', '1-2.f32']);
  for (const i of [1, 0, 2, 0, 1]) expect(await bitsOf(await states.hold(i, first))).toEqual(written[i]);
  expect(files()).toEqual(['0-0.f32', '0-1.f32', '0-2.f32', '2-0.f32', '2-1.f32', '2-2.f32']);
  // As the candidate left them, not as they first were.
  const changed = fill(await states.hold(1, first), 9);
  await states.hold(2, first);
  expect(await bitsOf(await states.hold(1, first))).toEqual(changed);
  states.free();
});

it('makes room by the candidate of the most patience', async () => {
  const states = waiting(3);
  const patience = [0.3, 0.9, 0.5, 0.1];
  const hold = (i: number) => states.hold(i, (candidate) => patience[candidate]);
  const spilled = () => files().filter((name) => name.endsWith('-0.f32'));
  for (const i of [0, 1, 2, 3]) await hold(i);
  expect(spilled()).toEqual(['1-0.f32']);
  patience[3] = 0.8;
  await hold(1);
  expect(spilled()).toEqual(['3-0.f32']);
  // What is released makes room without a file.
  states.release(1);
  await hold(3);
  expect(spilled()).toEqual([]);
  states.free();
});

it('gives the same states as long as they are in memory, and writes nothing while it suffices', async () => {
  const states = waiting(3);
  const held = [await states.hold(0, first), await states.hold(1, first), await states.hold(2, first)];
  const written = held.map(fill);
  for (const i of [2, 0, 1]) {
    expect(await states.hold(i, first)).toBe(held[i]);
    expect(await bitsOf(held[i])).toEqual(written[i]);
  }
  expect(readdirSync(temporary)).toEqual([]);
  states.free();
});

it('removes its folder, and its listener for the end of the process', async () => {
  const listeners = process.listenerCount('exit');
  const states = waiting(0);
  await states.hold(0, first);
  expect(process.listenerCount('exit')).toBe(listeners);
  await states.hold(1, first);
  expect(files()).toHaveLength(3);
  expect(process.listenerCount('exit')).toBe(listeners + 1);
  states.free();
  expect(readdirSync(temporary)).toEqual([]);
  expect(process.listenerCount('exit')).toBe(listeners);
});

it('says what to do where files cannot be written, or are gone', async () => {
  const expected =
    'room for the states of waiting candidates (raise --search-memory, or let TMPDIR name a larger disk)';
  const nowhere = join(temporary, 'nowhere');
  useTemporary(nowhere);
  const states = waiting(1);
  await states.hold(0, first);
  const unwritable = await states.hold(1, first).catch((e: unknown) => e);
  expect(unwritable).toBeInstanceOf(OutputError);
  // The last six characters of the folder's name are the system's.
  expect((unwritable as OutputError).message.replace(/\w{6}'/, "'")).toBe(
    `expected ${expected}, got ENOENT: no such file or directory, mkdtemp '${join(nowhere, 'neuroal-search-')}', in ${nowhere}`,
  );
  useTemporary(temporary);
  await states.hold(1, first);
  const [name] = readdirSync(temporary);
  const folder = join(temporary, name);
  await removeFolder(join(folder, '0-1.f32'));
  const gone = await states.hold(0, first).catch((e: unknown) => e);
  expect(gone).toBeInstanceOf(OutputError);
  expect((gone as OutputError).message).toBe(
    `expected ${expected}, got ENOENT: no such file or directory, open '${join(folder, '0-1.f32')}', in ${folder}`,
  );
  states.free();
  expect(existsSync(folder)).toBe(false);
});

it('a search that is stopped while states are in files leaves none', async () => {
  const stop = new AbortController();
  const small = await contextOf(model, tinyWindows(3, 8), { searchMemory: 0, signal: stop.signal });
  const shares = [0.5, 0.52, 0.54];
  const candidates = shares.map((share) => allocate(small.graph, () => share));
  let seen: string[] = [];
  const stopped = search(small, candidates, () => {
    seen = files();
    if (seen.length > 0) stop.abort(new Error('enough'));
  });
  await expect(stopped).rejects.toThrow('enough');
  expect(seen.length).toBeGreaterThan(0);
  expect(readdirSync(temporary)).toEqual([]);
  await small.close();
});
