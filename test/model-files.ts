// For tests of loading: the files of small models as bytes, as streams, in shards, and a server that has them.

import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { ModelFiles } from '../src/runtime/index.js';
import { safetensors, type TestTensor } from './checkpoint-fixture.js';
import { lehmer, stored, tinyConfig, tinyTensors } from './golden/tiny-llama.js';

export const filesOf = async (folder: string): Promise<Record<string, Uint8Array>> =>
  Object.fromEntries(
    await Promise.all((await readdir(folder)).map(async (name) => [name, await readFile(join(folder, name))] as const)),
  );

/** A stream in pieces of random lengths, which tells how often it was read to its end. */
export function streamOf(bytes: Uint8Array, seed = 1, longest = 5000): ReadableStream<Uint8Array> {
  const random = lehmer(seed);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      const length = Math.floor(random() * longest);
      controller.enqueue(bytes.slice(at, at + length));
      at += length;
    },
  });
}

export const asStreams = (files: Record<string, Uint8Array>, seed?: number, longest?: number): ModelFiles =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, streamOf(bytes, seed, longest)]));

/** The files of a model of a few thousand weights. */
export function tinyFiles(config: object = tinyConfig, tensors?: Record<string, TestTensor>) {
  const all = tensors ?? storedTensors();
  return { 'config.json': Buffer.from(JSON.stringify(config)), 'model.safetensors': safetensors(all) };
}
export const storedTensors = (dtype: 'F32' | 'BF16' = 'F32', config = tinyConfig) =>
  Object.fromEntries(
    Object.entries(tinyTensors(config, 3, dtype === 'BF16')).map(([name, t]) => [name, stored(t, dtype)]),
  );

/** The same in another order. */
export function shuffled<T>(record: Record<string, T>, seed: number): Record<string, T> {
  const random = lehmer(seed);
  return Object.fromEntries(
    Object.entries(record)
      .map((entry) => ({ entry, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ entry }) => entry),
  );
}

/** Tensors in that many shards, with their index. */
export function sharded(tensors: Record<string, TestTensor>, shards: number): Record<string, Uint8Array> {
  const entries = Object.entries(tensors);
  const files: Record<string, Uint8Array> = {};
  const weight_map: Record<string, string> = {};
  for (let s = 0; s < shards; s++) {
    const part = entries.filter((_, i) => i % shards === s);
    const name = `model-0000${s + 1}-of-0000${shards}.safetensors`;
    files[name] = safetensors(Object.fromEntries(part));
    for (const [tensor] of part) weight_map[tensor] = name;
  }
  return { ...files, 'model.safetensors.index.json': Buffer.from(JSON.stringify({ weight_map })) };
}

interface Served {
  bytes: Uint8Array;
  type?: string;
  status?: number;
  /** The connection breaks behind so many bytes. */
  cut?: number;
}

/** A server for the tests of one file: what it has, what it was asked for, and, once it runs, where it is. Each test begins with none. */
export function modelServer() {
  const served = new Map<string, Served>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const name = new URL(request.url as string, 'http://here').pathname.slice('/model/'.length);
    asked.push(name);
    const file = served.get(name);
    response.writeHead(file?.status ?? (file ? 200 : 404), file?.type ? { 'content-type': file.type } : {});
    if (file?.cut === undefined) response.end(file?.bytes);
    else response.write(file.bytes.subarray(0, file.cut), () => response.destroy());
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  afterEach(() => {
    served.clear();
    asked.length = 0;
  });
  return {
    served,
    asked,
    get url(): URL {
      return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/model`);
    },
  };
}
