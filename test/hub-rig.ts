// A fake hub with one small model and a cache of its own for each test, and how the tests of names ask it. What is
// exported with `let` is what the running test has.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { type HubEnvironment, hubEnvironment } from '../src/checkpoint/hub/environment.js';
import { resolveModel } from '../src/checkpoint/hub/resolve.js';
import { f32, folderWith, removeFolder, safetensors } from './checkpoint-fixture.js';
import { FakeHub } from './fake-hub.js';

export const config = '{"model_type":"llama"}';
export const weights = Buffer.from(safetensors({ z: f32([2], [1, 2]) }));
export const one = 'model-00001-of-00002.safetensors';
export const two = 'model-00002-of-00002.safetensors';

export let home: string;
export let hub: FakeHub;
export let environment: HubEnvironment;
export const variables = () => ({ HF_HOME: home, HF_ENDPOINT: hub.endpoint, HF_TOKEN: 'hf_secret' });

/** Starts and stops them around every test of the file. */
export function useHub(): void {
  beforeEach(async () => {
    home = await folderWith();
    hub = await FakeHub.start('org/tiny', { 'config.json': config, 'model.safetensors': weights });
    environment = { ...(await hubEnvironment(variables())), retryDelay: 1 };
  });
  afterEach(async () => {
    await hub.stop();
    await removeFolder(home);
  });
}

/** Another hub in the place of one that a test has stopped. */
export async function restartHub(): Promise<void> {
  hub = await FakeHub.start('org/tiny', {});
}

export const resolve = (name = 'org/tiny', changes: Partial<HubEnvironment> = {}) =>
  resolveModel(name, { environment: { ...environment, ...changes } });
export const failure = (name = 'org/tiny', changes: Partial<HubEnvironment> = {}) =>
  resolve(name, changes).then(
    () => expect.unreachable(),
    (error: Error) => error,
  );
export const repository = () => join(environment.cache, 'models--org--tiny');
export const partials = async () =>
  (await readdir(join(repository(), 'blobs'))).filter((n) => n.endsWith('.incomplete'));
