import { lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { f32, folderWith, removeFolder, safetensors } from '../../../test/checkpoint-fixture.js';
import { FakeHub, gitSha1, refuse, serveAndDrop, serveRange, sha256 } from '../../../test/fake-hub.js';
import { CheckpointError, OutputError } from '../../errors.js';
import type { Progress } from '../../progress.js';
import { openCheckpoint } from '../checkpoint.js';
import { RepositoryCache } from './cache.js';
import type { HubEnvironment } from './environment.js';
import { hubEnvironment } from './environment.js';
import { locateModel, resolveModel } from './resolve.js';

const config = '{"model_type":"llama"}';
const weights = Buffer.from(safetensors({ z: f32([2], [1, 2]) }));
const one = 'model-00001-of-00002.safetensors';
const two = 'model-00002-of-00002.safetensors';

let home: string;
let hub: FakeHub;
let environment: HubEnvironment;
const variables = () => ({ HF_HOME: home, HF_ENDPOINT: hub.endpoint, HF_TOKEN: 'hf_secret' });

beforeEach(async () => {
  home = await folderWith();
  hub = await FakeHub.start('org/tiny', { 'config.json': config, 'model.safetensors': weights });
  environment = { ...(await hubEnvironment(variables())), retryDelay: 1 };
});
afterEach(async () => {
  await hub.stop();
  await removeFolder(home);
});

const resolve = (name = 'org/tiny', changes: Partial<HubEnvironment> = {}) =>
  resolveModel(name, { environment: { ...environment, ...changes } });
const failure = (name = 'org/tiny', changes: Partial<HubEnvironment> = {}) =>
  resolve(name, changes).then(
    () => expect.unreachable(),
    (error: Error) => error,
  );
const repository = () => join(environment.cache, 'models--org--tiny');
const partials = async () => (await readdir(join(repository(), 'blobs'))).filter((n) => n.endsWith('.incomplete'));

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
    hub = await FakeHub.start('org/tiny', {});
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
    hub = await FakeHub.start('org/tiny', {});
  });

  it('a hub that hangs is waited for no longer than HF_HUB_ETAG_TIMEOUT', async () => {
    hub.intercept = () => true;
    expect((await failure('org/tiny', { etagTimeout: 50 })).message).toContain(
      'and nothing for 0.05 s; check the network, or write a folder as ./NAME, in org/tiny',
    );
    expect(hub.requests).toHaveLength(5);
  });
});

describe('what the hub refuses', () => {
  const answers = (status: number, kind?: string) => {
    hub.intercept = (_, response) => refuse(response, status, kind);
    return { host: new URL(hub.endpoint).host, page: `${hub.endpoint}/org/tiny` };
  };

  it.each([
    [401, undefined],
    [404, 'RepoNotFound'],
  ])('%i %s: no folder and no repository', async (status, kind) => {
    const { host } = answers(status, kind);
    const start = `expected a model folder or a repository, got no folder "org/tiny", and on ${host} no such repository (${status}), unless`;
    expect((await failure('org/tiny', { token: undefined })).message).toBe(
      `${start} it is private and needs HF_TOKEN, in org/tiny`,
    );
    expect((await failure()).message).toBe(`${start} the token may not read it, in org/tiny`);
    expect((await failure('tiny')).message).toContain('; write a folder as ./tiny, in tiny');
  });

  it('403, gated', async () => {
    const { page } = answers(403, 'GatedRepo');
    expect((await failure('org/tiny', { token: undefined })).message).toBe(
      `expected access, got 403, a gated repository: accept its terms at ${page} and set HF_TOKEN, in org/tiny`,
    );
  });

  it('404 of a revision', async () => {
    expect((await failure('org/tiny@v9')).message).toBe(
      'expected revision "v9" of org/tiny, got none of that name, in org/tiny@v9',
    );
  });

  it('a token is in no message', async () => {
    for (const status of [400, 401, 403, 404, 418, 429, 500]) {
      answers(status);
      const error = await failure();
      expect(error).toBeInstanceOf(CheckpointError);
      expect(JSON.stringify(error) + error.message + error.stack).not.toContain('hf_secret');
    }
  });

  it('a server that is busy is asked again, and not before it says', async () => {
    let left = 2;
    const times: number[] = [];
    hub.intercept = (_, response) => {
      times.push(performance.now());
      if (left-- <= 0) return false;
      response.writeHead(left === 1 ? 503 : 429, { 'retry-after': left === 1 ? '0' : '1' }).end();
      return true;
    };
    await resolve();
    expect(times[2] - times[1]).toBeGreaterThanOrEqual(990);
  });

  it('a server that asks for too long a wait is not waited for', async () => {
    hub.intercept = (_, response) => response.writeHead(429, { 'retry-after': '3600' }).end();
    expect((await failure()).message).toContain('429, too many requests: try again later');
    expect(hub.requests).toHaveLength(1);
  });
});

describe('repositories that are no models', () => {
  it.each([
    [['model.safetensors'], {}, 'expected a model, with config.json, got a repository without it, in org/tiny'],
    [
      ['config.json'],
      { 'x.gguf': 'x' },
      'expected weights as model.safetensors, or shards with model.safetensors.index.json, got none of these, but "x.gguf", in org/tiny',
    ],
    [
      ['config.json'],
      {},
      'expected weights as model.safetensors, or shards with model.safetensors.index.json, got none of these, in org/tiny',
    ],
  ])('only %j and %j', async (keep, more, message) => {
    for (const name of [...hub.files.keys()]) if (!keep.includes(name)) hub.files.delete(name);
    for (const [name, content] of Object.entries(more)) hub.put(name, content);
    expect((await failure()).message).toBe(message);
    expect(hub.asked('HEAD')).toEqual([]);
  });
});

describe('names that would lead elsewhere', () => {
  it('in the list of files are left alone', async () => {
    const sneaky = [
      '../config.json',
      '/etc/passwd',
      'a\\..\\b',
      'additional_chat_templates/../../x.jinja',
      'LICENSE/../x',
      'LICENSE\0',
    ];
    hub.alsoListed = [
      ...sneaky.map((rfilename) => ({ rfilename })),
      { rfilename: 7 },
      null,
      'x',
      { rfilename: ['config.json'] },
    ];
    expect((await readdir(await resolve())).sort()).toEqual(['config.json', 'model.safetensors']);
    expect(hub.requests).toHaveLength(1 + 2 + 2 + 1);
  });

  it.each([
    '../x.safetensors',
    '/x.safetensors',
    'a/b.safetensors',
    'a\\b.safetensors',
    'x\0.safetensors',
    'x.bin',
    7,
    null,
  ])('in the index (%j) are an error', async (name) => {
    hub.files.delete('model.safetensors');
    hub.put('model.safetensors.index.json', JSON.stringify({ weight_map: { a: name } }));
    const error = await failure();
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toContain('expected a plain file name for "a"');
    expect(hub.asked('CDN')).toEqual([]);
  });

  it('in the index, but not in the repository, are an error', async () => {
    hub.files.delete('model.safetensors');
    hub.put('model.safetensors.index.json', JSON.stringify({ weight_map: { a: one } }));
    expect((await failure()).message).toBe(
      `expected shard "${one}", which model.safetensors.index.json names, got none of that name in the repository, in org/tiny`,
    );
  });

  it('a link in place of a folder of the snapshot is not followed', async () => {
    const elsewhere = await folderWith();
    hub.put('additional_chat_templates/tool.jinja', 'x');
    await mkdir(join(repository(), 'snapshots', hub.commit), { recursive: true });
    await symlink(elsewhere, join(repository(), 'snapshots', hub.commit, 'additional_chat_templates'));
    expect((await failure()).message).toContain('expected a folder of the cache, got a link that leads elsewhere');
    expect(await readdir(elsewhere)).toEqual([]);
    await removeFolder(elsewhere);
  });

  it.each([
    ['x-repo-commit', '../../x', 'expected a hub, which names the commit (X-Repo-Commit), got "../../x"'],
    [
      'x-repo-commit',
      'e'.repeat(40),
      `expected a file of commit 1234567890abcdef1234567890abcdef12345678, got one of ${'e'.repeat(40)}`,
    ],
    ['etag', '"../x"', 'expected an ETag that names the content, got'],
    ['etag', '".."', 'expected an ETag that names the content, got'],
  ])('a header %s: %s is an error', async (header, value, message) => {
    hub.serve = (request, response, file) => {
      response.setHeader(header, value);
      serveRange(request, response, file);
    };
    expect((await failure()).message).toContain(message);
  });

  it('a ref that is no commit counts as none', async () => {
    await mkdir(join(repository(), 'refs'), { recursive: true });
    await writeFile(join(repository(), 'refs/main'), '../../..');
    expect((await failure('org/tiny', { offline: 'HF_HUB_OFFLINE=1' })).message).toContain('nothing there');
  });
});

describe('answers that are no list of files', () => {
  it.each([
    ['<html>', 'something that is not JSON'],
    ['null', 'no list of files with a commit (sha, siblings)'],
    ['{"sha":"main","siblings":[]}', 'no list of files with a commit (sha, siblings)'],
    [`{"sha":"${'a'.repeat(40)}","siblings":{}}`, 'no list of files with a commit (sha, siblings)'],
  ])('%s', async (text, got) => {
    hub.intercept = (_, response) => response.end(text);
    expect((await failure()).message).toContain(`and ${got}, in org/tiny`);
  });

  it('an endless one is not read to its end', async () => {
    hub.intercept = (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1 << 20, ' ')));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
      return true;
    };
    expect((await failure()).message).toContain('and a list of files of more than 67108864 bytes');
    expect(hub.requests).toHaveLength(1);
  });

  it('redirects to nowhere end', async () => {
    hub.intercept = (request, response) => response.writeHead(302, { location: request.url }).end();
    expect((await failure()).message).toContain('and more than 10 redirects');
    hub.intercept = (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    expect((await failure()).message).toContain('and a redirect to an address that is not https');
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
