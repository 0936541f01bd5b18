// A MODEL and where it is found: in the cache as huggingface_hub has it, in a folder, without a network.

import { lstat, mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { f32, folderWith, removeFolder, safetensors } from '../../../test/checkpoint-fixture.js';
import { gitSha1, refuse, serveAndDrop, serveRange, sha256 } from '../../../test/fake-hub.js';
import {
  config,
  environment,
  failure,
  home,
  hub,
  one,
  partials,
  repository,
  resolve,
  restartHub,
  two,
  useHub,
  variables,
  weights,
} from '../../../test/hub-rig.js';
import { CheckpointError, OutputError } from '../../errors.js';
import type { Progress } from '../../progress.js';
import { openCheckpoint } from '../open-checkpoint.js';
import { RepositoryCache } from './cache.js';
import { locateModel, resolveModel } from './resolve.js';

useHub();

describe('a model from the hub', () => {
  it('lies in the cache as huggingface_hub has it', async () => {
    hub.put('LICENSE.txt', 'free');
    hub.put('README.md', '# tiny');
    hub.put('additional_chat_templates/tool.jinja', '{{ x }}');
    for (const other of [
      'pytorch_model.bin',
      'tf_model.h5',
      'onnx/model.onnx',
      'original/params.json',
      'a.gguf',
      '.gitattributes',
    ])
      hub.put(other, other);
    const folder = await resolve();
    expect(folder).toBe(join(repository(), 'snapshots', hub.commit));
    expect((await readdir(folder, { recursive: true })).sort()).toEqual([
      'LICENSE.txt',
      'README.md',
      'additional_chat_templates',
      'additional_chat_templates/tool.jinja',
      'config.json',
      'model.safetensors',
    ]);
    expect(await readlink(join(folder, 'config.json'))).toBe(`../../blobs/${gitSha1(Buffer.from(config))}`);
    expect(await readlink(join(folder, 'model.safetensors'))).toBe(`../../blobs/${sha256(weights)}`);
    expect(await readlink(join(folder, 'additional_chat_templates/tool.jinja'))).toMatch(/^\.\.\/\.\.\/\.\.\/blobs\//);
    expect(await readFile(join(folder, 'model.safetensors'))).toEqual(weights);
    expect(await readFile(join(repository(), 'refs/main'), 'utf8')).toBe(hub.commit);
    expect((await readFile(join(environment.cache, 'CACHEDIR.TAG'), 'utf8')).split('\n')[0]).toBe(
      'Signature: 8a477f597d28d172789f06886806bc55',
    );
    expect(await readdir(join(environment.cache, '.locks/models--org--tiny'))).toEqual([]);
    expect(await readdir(join(repository(), 'blobs'))).toHaveLength(5);
  });

  it('is asked for by its commit, and a second time only for its list of files', async () => {
    await resolve();
    expect(hub.asked('HEAD')).toEqual([
      `HEAD /org/tiny/resolve/${hub.commit}/config.json`,
      `HEAD /org/tiny/resolve/${hub.commit}/model.safetensors`,
    ]);
    hub.requests.length = 0;
    await resolve();
    expect(hub.requests).toEqual(['GET /api/models/org/tiny/revision/main']);
  });

  it('opens, under a name that says which commit it is', async () => {
    const old = { ...process.env };
    Object.assign(process.env, variables());
    try {
      const checkpoint = await openCheckpoint('org/tiny');
      expect([...(await checkpoint.readFloats('z', [2]))]).toEqual([1, 2]);
      expect(checkpoint.source).toBe(`org/tiny@${hub.commit}`);
      await checkpoint.close();
    } finally {
      process.env = old;
    }
  });

  it('sends the token to the hub and not to the server that it sends us to', async () => {
    await resolve();
    expect(new Set(hub.tokens.hub)).toEqual(new Set(['Bearer hf_secret']));
    expect(hub.tokens.cdn).toEqual([undefined]);
  });

  it('takes only the shards that the index names', async () => {
    hub.files.delete('model.safetensors');
    hub.put(one, safetensors({ a: f32([1], [1]) }) as Buffer);
    hub.put(two, safetensors({ b: f32([1], [2]) }) as Buffer);
    hub.put('consolidated.safetensors', 'not this');
    hub.put('pytorch_model.bin', 'nor this');
    hub.put('model.safetensors.index.json', JSON.stringify({ weight_map: { a: one, b: two } }));
    const folder = await resolve();
    expect((await readdir(folder)).sort()).toEqual(['config.json', one, two, 'model.safetensors.index.json']);
  });

  it('takes PyTorch files where there is nothing else', async () => {
    hub.files.delete('model.safetensors');
    hub.put('pytorch_model.bin', 'pickle');
    expect((await readdir(await resolve())).sort()).toEqual(['config.json', 'pytorch_model.bin']);
  });

  it('knows revisions with slashes, and commits', async () => {
    hub.revisions.add('refs/pr/1');
    await resolve('org/tiny@refs/pr/1');
    expect(hub.requests[0]).toBe('GET /api/models/org/tiny/revision/refs%2Fpr%2F1');
    expect(await readFile(join(repository(), 'refs/refs/pr/1'), 'utf8')).toBe(hub.commit);
    await resolve(`org/tiny@${hub.commit}`);
    expect(await readdir(join(repository(), 'refs'))).toEqual(['refs']);
  });

  it('follows a branch to its new commit, and takes what has not changed from the cache', async () => {
    await resolve();
    hub.commit = 'f'.repeat(40);
    hub.put('config.json', '{"model_type":"opt"}');
    const folder = await resolve();
    expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe('{"model_type":"opt"}');
    expect(hub.asked('CDN')).toHaveLength(1);
    expect(await readFile(join(repository(), 'refs/main'), 'utf8')).toBe(hub.commit);
  });

  it('is whole files where there are no links', async () => {
    for (const commit of [hub.commit, 'f'.repeat(40)]) {
      hub.commit = commit;
      const folder = await resolve('org/tiny', { symlinks: false });
      for (const name of ['config.json', 'model.safetensors'])
        expect((await lstat(join(folder, name))).isFile()).toBe(true);
    }
    expect(await readdir(join(repository(), 'blobs'))).toEqual([]);
  });

  it('comes once where two ask at the same time', async () => {
    hub.serve = (request, response, file) => void setTimeout(() => serveRange(request, response, file), 30);
    const [a, b] = await Promise.all([resolve(), resolve()]);
    expect(a).toBe(b);
    expect(hub.asked('GET', '/config.json')).toHaveLength(1);
    expect(hub.asked('CDN')).toHaveLength(1);
  });

  it('reports bytes and files', async () => {
    const seen: Progress[] = [];
    await resolveModel('org/tiny', { environment, onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({
      phase: 'download',
      done: config.length + weights.length,
      total: config.length + weights.length,
      note: '2 of 2 files',
    });
    for (const { done, total } of seen) expect(done).toBeLessThanOrEqual(total);
  });
});

describe('a folder of this machine', () => {
  it('comes first, whatever its name', async () => {
    const folder = await folderWith({ 'config.json': config });
    const cwd = process.cwd();
    await mkdir(join(folder, 'org/tiny'), { recursive: true });
    process.chdir(folder);
    try {
      expect(await locateModel('org/tiny')).toEqual({ folder: 'org/tiny', source: 'org/tiny' });
    } finally {
      process.chdir(cwd);
      await removeFolder(folder);
    }
    expect(hub.requests).toEqual([]);
  });

  it.each([
    [
      './none',
      'expected a Hugging Face model folder with config.json and model.safetensors, got no such folder, in ./none',
    ],
    [
      'none/',
      'expected a Hugging Face model folder with config.json and model.safetensors, got no such folder, in none/',
    ],
    [
      'a b',
      'expected a model folder or a name on the hub (org/name[@revision]), got no such folder, and the name of a repository has letters, digits, "-", "_" and ".", at most 96, and one "/" at most, in a b',
    ],
    [
      'a@',
      'expected a model folder or a name on the hub (org/name[@revision]), got no such folder, and a revision is a branch, a tag or a commit, in a@',
    ],
  ])('%s is missed without asking the hub', async (name, message) => {
    expect((await failure(name)).message).toBe(message);
    expect(hub.requests).toEqual([]);
  });
});

describe('without a network', () => {
  const offline = { offline: 'HF_HUB_OFFLINE=1' };

  it('what is in the cache is found, by branch and by commit', async () => {
    const folder = await resolve();
    hub.requests.length = 0;
    expect(await resolve('org/tiny', offline)).toBe(folder);
    expect(await resolve(`org/tiny@${hub.commit}`, offline)).toBe(folder);
    expect(hub.requests).toEqual([]);
  });

  it('what is not there is named, with the variable', async () => {
    const nothing = await failure('org/tiny', offline);
    expect(nothing).toBeInstanceOf(CheckpointError);
    expect(nothing.message).toBe(
      `expected a model folder, or "org/tiny" in the cache, got no such folder, and in the cache nothing there, while HF_HUB_OFFLINE=1 forbids to download, in ${environment.cache}`,
    );
    const folder = await resolve();
    await rm(join(folder, 'model.safetensors'));
    expect((await failure('org/tiny', offline)).message).toContain('a copy without model.safetensors, while');
  });

  it('a hub that does not answer leaves the cached copy, at once', async () => {
    const folder = await resolve();
    const notes: (string | undefined)[] = [];
    const again = () => resolveModel('org/tiny', { environment, onProgress: ({ note }) => notes.push(note) });
    for (const status of [500, 401, 403, 404, 429]) {
      hub.intercept = (_, response) => refuse(response, status);
      hub.requests.length = 0;
      expect(await again()).toBe(folder);
      expect(hub.requests).toHaveLength(1);
    }
    await hub.stop();
    expect(await again()).toBe(folder);
    expect(notes.slice(0, 1)).toEqual(['the hub says "HTTP 500": the cached copy is used']);
    await restartHub();
  });

  it('a revision that is gone is an error all the same', async () => {
    await resolve();
    hub.revisions.clear();
    expect((await failure()).message).toBe('expected revision "main" of org/tiny, got none of that name, in org/tiny');
  });

  it('and with nothing in the cache it is said what did not answer', async () => {
    const { host } = new URL(hub.endpoint);
    await hub.stop();
    expect((await failure()).message).toMatch(
      new RegExp(
        `^expected a model folder, or an answer from ${host}, got no such folder, and .*ECONNREFUSED.*, in org/tiny$`,
      ),
    );
    await restartHub();
  });

  it('a hub that hangs is waited for no longer than HF_HUB_ETAG_TIMEOUT', async () => {
    hub.intercept = () => true;
    expect((await failure('org/tiny', { etagTimeout: 50 })).message).toContain(
      'and nothing for 0.05 s; check the network, or write a folder as ./NAME, in org/tiny',
    );
    expect(hub.requests).toHaveLength(5);
  });
});

it('an abort stops it and leaves the beginning, from which it goes on', async () => {
  const big = Buffer.alloc(3 << 20, 'x');
  hub.put('model.safetensors', big);
  hub.serve = (request, response, file) => {
    if (file.content !== big || request.method === 'HEAD') return serveRange(request, response, file);
    response.writeHead(200, { 'content-length': big.length });
    response.write(big.subarray(0, 2 << 20));
    // The rest comes so slowly that it never does, and shows that the connection lives.
    const more = setInterval(() => response.write('x'), 20);
    response.once('close', () => clearInterval(more));
  };
  const stop = new AbortController();
  const running = resolveModel('org/tiny', {
    environment,
    signal: stop.signal,
    onProgress: ({ done }) => done > 1 << 20 && stop.abort(new Error('enough')),
  });
  await expect(running).rejects.toThrow('enough');
  const [partial] = await partials();
  const { size } = await lstat(join(repository(), 'blobs', partial));
  expect(size).toBeGreaterThan(1 << 20);
  expect(await readdir(join(environment.cache, '.locks/models--org--tiny'))).toEqual([]);
  const ranges: (string | undefined)[] = [];
  hub.serve = (request, response, file) => {
    if (file.content === big && request.method === 'GET') ranges.push(request.headers.range);
    serveRange(request, response, file);
  };
  expect((await readFile(join(await resolve(), 'model.safetensors'))).equals(big)).toBe(true);
  expect(ranges).toEqual([`bytes=${size}-`]);
  expect(await partials()).toEqual([]);
});

it('a connection that breaks in one file leaves the others, and nothing under a final name', async () => {
  hub.serve = (request, response, file) =>
    (file.content.equals(weights) ? serveAndDrop(0) : serveRange)(request, response, file);
  expect((await failure()).message).toMatch(/^expected an answer from .*, in org\/tiny$/);
  expect(await readdir(join(repository(), 'snapshots', hub.commit))).toEqual(['config.json']);
  await expect(readdir(join(repository(), 'refs'))).rejects.toThrow('ENOENT');
});

it('a file that the list names and the hub has not is named', async () => {
  hub.alsoListed = [{ rfilename: 'tokenizer.json' }];
  expect((await failure()).message).toBe(
    'expected file "tokenizer.json" in the repository, got none of that name, in org/tiny',
  );
});

it('what a whole copy lacks is not missed in a cache that may not be written', async () => {
  const folder = await resolve();
  hub.put('README.md', '# tiny');
  const mkdir = vi
    .spyOn(RepositoryCache.prototype, 'prepare')
    .mockRejectedValue(Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS', syscall: 'mkdir' }));
  try {
    expect(await resolve()).toBe(folder);
    await rm(join(folder, 'config.json'));
    expect(await failure()).toBeInstanceOf(OutputError);
  } finally {
    mkdir.mockRestore();
  }
});

it('room is asked for what is still to come, and no more', async () => {
  const cache = new RepositoryCache(environment, { type: 'model', id: 'org/tiny', revision: 'main' });
  expect(await cache.missingBytes('x', 10)).toBe(10);
  await mkdir(join(repository(), 'blobs'), { recursive: true });
  await writeFile(cache.partial('x'), '1234');
  expect(await cache.missingBytes('x', 10)).toBe(6);
  expect(await cache.missingBytes('x', 3)).toBe(3);
  await writeFile(cache.blob('x'), '1234567890');
  expect(await cache.missingBytes('x', 10)).toBe(0);
  hub.files.set('model.safetensors', { content: weights, large: false });
  hub.serve = (request, response, file) => {
    if (file.content === weights) response.setHeader('x-linked-size', 900_000_000_000_000);
    serveRange(request, response, file);
  };
  const error = await failure();
  expect(error).toBeInstanceOf(OutputError);
  expect(error.message).toMatch(
    /^expected room for 900000000 MB \(HF_HOME names another place\), got \d+ MB free, in /,
  );
});

it('a cache that cannot be written is said to be the reason', async () => {
  await writeFile(join(home, 'file'), '');
  const error = await failure('org/tiny', { cache: join(home, 'file/hub') });
  expect(error).toBeInstanceOf(OutputError);
  expect(error.message).toContain('expected a cache that can be read and written (HF_HOME names another place), got');
});
