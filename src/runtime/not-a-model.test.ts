// What is no whole model, or none at all: from files, streams and servers, each with the message that says so.

import { describe, expect, it } from 'vitest';
import { modelServer, sharded, storedTensors, streamOf, tinyFiles } from '../../test/model-files.js';
import { CheckpointError, UsageError } from '../errors.js';
import { loadModel, type ModelFiles, type RuntimeOptions } from './index.js';

const server = modelServer();

describe('what is not a whole model', () => {
  const files = tinyFiles();
  const whole = files['model.safetensors'];
  const last = 'tensor "lm_head.weight"';
  const refused = async (source: unknown, options?: RuntimeOptions): Promise<Error> => {
    const error = await loadModel(source as ModelFiles, options).then(
      () => new Error('loaded'),
      (e: Error) => e,
    );
    return error;
  };
  const message = async (given: object) => (await refused({ 'config.json': files['config.json'], ...given })).message;

  it.each<[string, object, string]>([
    [
      'no weights',
      {},
      'expected weights in model.safetensors, or in shards with model.safetensors.index.json, got none of these files, in the given files',
    ],
    [
      'weights of PyTorch',
      { 'pytorch_model.bin': new Uint8Array(10) },
      'expected weights in model.safetensors; "neuroal convert" writes the model again, got only "pytorch_model.bin", which is not read here, in the given files',
    ],
    [
      'an empty stream',
      { 'model.safetensors': streamOf(new Uint8Array(0)) },
      'expected data up to byte 8, got a stream that ends at 0; download the file again, in model.safetensors',
    ],
    [
      'a stream that ends early',
      { 'model.safetensors': streamOf(whole.subarray(0, whole.length - 5)) },
      `expected data up to byte ${whole.length}, got a stream that ends at ${whole.length - 5}; download the file again, in model.safetensors, ${last}`,
    ],
    [
      'a stream that goes on',
      { 'model.safetensors': streamOf(Buffer.concat([whole, Buffer.from('x')])) },
      `expected ${whole.length} bytes, as the header says; download the file again, got more, in model.safetensors`,
    ],
    [
      'bytes that end early',
      { 'model.safetensors': whole.subarray(0, whole.length - 5) },
      'expected data_offsets in order within the 31675 bytes of data; download the file again, got [29120,31680], in model.safetensors, tensor "lm_head.weight"',
    ],
    [
      'a Git LFS pointer',
      { 'model.safetensors': streamOf(Buffer.from('version https://git-lfs.github.com/spec/v1\n')) },
      'expected a safetensors file, got a Git LFS pointer; download the file itself, in model.safetensors',
    ],
    [
      'a header that claims too much',
      { 'model.safetensors': streamOf(Buffer.concat([Buffer.from('ffffffffffffff7f', 'hex'), whole])) },
      'expected a header of at most 100000000 bytes, got 9223372036854775807 bytes, in model.safetensors',
    ],
    [
      'another thing',
      { 'model.safetensors': 'text' },
      'expected an ArrayBuffer, a Uint8Array, a Blob, a Response or a ReadableStream, got "text", in model.safetensors',
    ],
    [
      'a stream of texts',
      { 'model.safetensors': new ReadableStream({ start: (c) => c.enqueue('text') }) },
      'expected a stream of bytes, got one of strings, in model.safetensors',
    ],
    [
      'a stream that fails',
      { 'model.safetensors': new ReadableStream({ start: (c) => c.error(new Error('lost')) }) },
      'expected a stream that can be read to its end, got lost, in model.safetensors',
    ],
    [
      'a promise that fails',
      { 'model.safetensors': () => Promise.reject(new Error('no such thing')) },
      'expected the content of a file, got no such thing, in model.safetensors',
    ],
    [
      'an answer that says no',
      { 'model.safetensors': () => new Response('', { status: 503, statusText: 'Busy' }) },
      'expected an answer with the file, got 503 Busy, in model.safetensors',
    ],
  ])('%s', async (_, given, expected) => {
    expect(await message(given)).toBe(expected);
  });

  it('an index of shards that are not given', async () => {
    const { 'model.safetensors.index.json': index } = sharded(storedTensors(), 1);
    expect(await message({ 'model.safetensors.index.json': index })).toBe(
      'expected a readable safetensors file, got no such file, in model-00001-of-00001.safetensors',
    );
  });

  it('a body that was read', async () => {
    const response = new Response(new Uint8Array(whole));
    await response.arrayBuffer();
    expect(await message({ 'model.safetensors': response })).toBe(
      'expected an answer whose body has not been read, got one that was, in model.safetensors',
    );
    const stream = streamOf(whole);
    stream.getReader();
    expect(await message({ 'model.safetensors': stream })).toBe(
      'expected a stream that has not been read, got one that is read or was, in model.safetensors',
    );
  });

  it('a second load from a stream', async () => {
    const given = { 'config.json': files['config.json'], 'model.safetensors': streamOf(whole) };
    await (await loadModel(given)).dispose();
    expect((await refused(given)).message).toBe(
      'expected a stream that has not been read, got one that is read or was, in model.safetensors',
    );
  });

  it('a config.json that is too long', async () => {
    const endless = new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1 << 20)) });
    expect((await refused({ 'config.json': endless })).message).toBe(
      'expected a JSON file of at most 67108864 bytes, got more, in config.json',
    );
  });

  it.each<[unknown, string]>([
    [7, 'expected a folder, a URL or files by their names, got 7'],
    [[], 'expected a folder, a URL or files by their names, got []'],
    [null, 'expected a folder, a URL or files by their names, got null'],
    ['', 'expected a folder, a URL or files by their names, got ""'],
    [new URL('ftp://here'), 'expected a URL of http, https or file, got "ftp:"'],
  ])('%j', async (source, expected) => {
    const error = await refused(source);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toBe(expected);
  });

  describe('on a server', () => {
    const serve = () => {
      for (const [name, bytes] of Object.entries(files)) server.served.set(name, { bytes });
    };

    it.each<[string, { status?: number; type?: string; cut?: number } | null, (at: string) => string]>([
      ['no config.json', null, (at) => `expected a Hugging Face model folder with a config.json, got none, in ${at}`],
      [
        'a page in the place of a file that is not there',
        { type: 'text/html; charset=utf-8' },
        (at) => `expected a Hugging Face model folder with a config.json, got none, in ${at}`,
      ],
      [
        'a refusal',
        { status: 403 },
        (at) => `expected an answer with the file, got 403 Forbidden, in ${at}/config.json`,
      ],
    ])('%s', async (_, change, expected) => {
      serve();
      if (change) server.served.set('config.json', { bytes: files['config.json'], ...change });
      else server.served.delete('config.json');
      expect((await refused(new URL(`${server.url.href}?key=secret`))).message).toBe(expected(server.url.href));
    });

    it('a connection that breaks', async () => {
      serve();
      server.served.set('model.safetensors', { bytes: whole, cut: 20_000 });
      const error = await refused(server.url);
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error.message).toMatch(
        /^expected a stream that can be read to its end, got terminated, in http:.*\/model\/model.safetensors$/,
      );
    });

    it('none that answers', async () => {
      const error = await refused(new URL('http://127.0.0.1:1/model'));
      expect(error.message).toMatch(
        /^expected an answer of the server, got fetch failed \(.*\), in http:\/\/127.0.0.1:1\/model\/config.json$/,
      );
    });

    it('a shard that is another one when it is asked for again', async () => {
      server.served.set('config.json', { bytes: files['config.json'] });
      const parts = sharded(storedTensors(), 6);
      for (const [name, bytes] of Object.entries(parts)) server.served.set(name, { bytes });
      const name = 'model-00001-of-00006.safetensors';
      const { bytes } = server.served.get(name) as { bytes: Uint8Array };
      let times = 0;
      const changed = new Uint8Array(bytes);
      changed[20] ^= 1;
      Object.defineProperty(server.served.get(name), 'bytes', { get: () => (times++ === 0 ? bytes : changed) });
      const error = await refused(server.url);
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error.message).toMatch(/^expected the same file as before, .* got one that begins otherwise, in .*00001/);
    });
  });
});
