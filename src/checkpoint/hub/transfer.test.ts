import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../../test/checkpoint-fixture.js';
import { type FakeFile, FakeHub, gitSha1, refuse, serveAndDrop, serveRange, sha256 } from '../../../test/fake-hub.js';
import { DataError, UsageError } from '../../errors.js';
import { type DownloadOptions, downloadFile } from './download-file.js';
import { type HubEnvironment, hubEnvironment } from './environment.js';

const large = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251));
const small = Buffer.from('{"text":"one line"}\n');

let home: string;
let hub: FakeHub;
let environment: HubEnvironment;
/** The Range of every request for content. */
let ranges: (string | undefined)[];

beforeEach(async () => {
  home = await folderWith();
  hub = await FakeHub.start('org/data', { 'en/part.gz': large, 'small.json': small }, 'dataset');
  const variables = { HF_HOME: home, HF_ENDPOINT: hub.endpoint, HF_TOKEN: 'hf_secret' };
  environment = { ...(await hubEnvironment(variables)), retryDelay: 1 };
  ranges = [];
});
afterEach(async () => {
  await hub.stop();
  await removeFolder(home);
});

type Handler = FakeHub['serve'];
const fetched = (file = 'en/part.gz', options: DownloadOptions = {}) =>
  downloadFile({ repo: 'org/data', file, repoType: 'dataset' }, { environment, ...options });
const failure = (file?: string, options?: DownloadOptions) =>
  fetched(file, options).then(
    () => expect.unreachable(),
    (error: Error) => error,
  );
const blobs = () => join(environment.cache, 'datasets--org--data/blobs');
const left = async () => (await readdir(blobs())).sort();
/** What an earlier attempt left. */
const begin = async (content: Buffer, of = large) => {
  await mkdir(blobs(), { recursive: true });
  await writeFile(join(blobs(), `${sha256(of)}.neuroal.incomplete`), content);
};
/** HEAD as always; the n-th GET by the n-th handler, the last one from then on. */
const serveInTurn = (...handlers: Handler[]) => {
  hub.serve = (request, response, file) => {
    if (request.method === 'HEAD') return serveRange(request, response, file);
    const handler = handlers[Math.min(ranges.length, handlers.length - 1)];
    ranges.push(request.headers.range);
    handler(request, response, file);
  };
};
const send = (status: number, content: Buffer, headers: Record<string, string | number> = {}): Handler => {
  return (_, response) => response.writeHead(status, { 'content-length': content.length, ...headers }).end(content);
};

describe('a file', () => {
  it('comes into the cache of data sets, and needs one question the next time', async () => {
    const path = await fetched();
    expect(path).toBe(join(environment.cache, 'datasets--org--data/snapshots', hub.commit, 'en/part.gz'));
    expect(await readFile(path)).toEqual(large);
    expect(await left()).toEqual([sha256(large)]);
    hub.requests.length = 0;
    expect(await fetched()).toBe(path);
    expect(hub.requests).toEqual(['HEAD /datasets/org/data/resolve/main/en/part.gz']);
    expect(await readFile(await fetched('small.json'))).toEqual(small);
  });

  it.each(['', '../x', '/x', 'a\\b', 'a/../b'])('is not %j', async (file) => {
    expect(await failure(file)).toBeInstanceOf(UsageError);
    expect(hub.requests).toEqual([]);
  });

  it('that is empty is one, too', async () => {
    hub.put('empty.gz', '');
    expect(await readFile(await fetched('empty.gz'))).toHaveLength(0);
  });

  it('that is larger than it may be is not begun', async () => {
    expect((await failure('en/part.gz', { maxBytes: 100 })).message).toBe(
      'expected a file of at most 100 bytes, got 5000 bytes, in org/data, "en/part.gz"',
    );
    expect(hub.asked('CDN')).toEqual([]);
  });

  it('that is not there is noted, as huggingface_hub does', async () => {
    const error = await failure('none.gz');
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe('expected file "none.gz" in the repository, got none of that name, in org/data');
    expect(await readdir(join(environment.cache, 'datasets--org--data/.no_exist', hub.commit))).toEqual(['none.gz']);
  });

  it('is found without a network, or said to be missing', async () => {
    const path = await fetched();
    hub.requests.length = 0;
    const offline = { environment: { ...environment, offline: 'HF_HUB_OFFLINE=1' } };
    expect(await fetched('en/part.gz', offline)).toBe(path);
    expect((await failure('small.json', offline)).message).toContain('nothing, while HF_HUB_OFFLINE=1 forbids');
    expect(hub.requests).toEqual([]);
    hub.intercept = (_, response) => refuse(response, 503);
    expect(await fetched()).toBe(path);
    expect(hub.requests).toHaveLength(1);
  });
});

describe('going on where an earlier attempt broke off', () => {
  it('206: only the rest comes', async () => {
    await begin(large.subarray(0, 1234));
    serveInTurn(serveRange);
    expect(await readFile(await fetched())).toEqual(large);
    expect(ranges).toEqual(['bytes=1234-']);
  });

  it('200: all of it comes again', async () => {
    await begin(Buffer.alloc(1234));
    serveInTurn(send(200, large));
    expect(await readFile(await fetched())).toEqual(large);
    expect(ranges).toEqual(['bytes=1234-']);
  });

  it('416: it begins anew', async () => {
    await begin(large.subarray(0, 1234));
    serveInTurn(send(416, Buffer.alloc(0)), serveRange);
    expect(await readFile(await fetched())).toEqual(large);
    expect(ranges).toEqual(['bytes=1234-', undefined]);
  });

  it.each(['bytes 1000-4999/5000', 'bytes 1234-4999/6000', 'nonsense'])(
    '206 with Content-Range %s: it begins anew',
    async (range) => {
      await begin(large.subarray(0, 1234));
      serveInTurn(send(206, large.subarray(1234), { 'content-range': range }), serveRange);
      expect(await readFile(await fetched())).toEqual(large);
      expect(ranges).toEqual(['bytes=1234-', undefined]);
    },
  );

  it('a beginning that is wrong is taken once more', async () => {
    await begin(Buffer.alloc(1234));
    serveInTurn(serveRange);
    expect(await readFile(await fetched())).toEqual(large);
    expect(ranges).toEqual(['bytes=1234-', undefined]);
  });

  it('what is whole already needs no request, unless it is wrong', async () => {
    await begin(large);
    serveInTurn(serveRange);
    expect(await readFile(await fetched())).toEqual(large);
    expect(ranges).toEqual([]);
  });

  it('what is longer than the file is thrown away', async () => {
    await begin(Buffer.concat([large, small]));
    serveInTurn(serveRange);
    expect(await readFile(await fetched())).toEqual(large);
    expect(ranges).toEqual([undefined]);
  });
});

describe('a connection that breaks', () => {
  it('in the middle, again and again, goes on as long as bytes come', async () => {
    serveInTurn(serveAndDrop(1500), serveAndDrop(1500), serveAndDrop(1500), serveRange);
    expect(await readFile(await fetched())).toEqual(large);
    const froms = ranges.map((range) => Number(/\d+/.exec(range ?? '0')?.[0]));
    expect(froms).toEqual([...new Set(froms)].sort((a, b) => a - b));
    expect(froms).toHaveLength(4);
  });

  it('before any byte is given up after some attempts', async () => {
    serveInTurn(serveAndDrop(0));
    const error = await failure();
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain('for "en/part.gz", got ');
    expect(ranges).toHaveLength(5);
    expect((await left()).filter((name) => !name.endsWith('.incomplete'))).toEqual([]);
  });

  it('by saying nothing more is noticed', async () => {
    serveInTurn((_, response, { content }) => {
      response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, 100));
    }, serveRange);
    const path = await fetched('en/part.gz', { environment: { ...environment, downloadTimeout: 200 } });
    expect(await readFile(path)).toEqual(large);
    expect(ranges).toEqual([undefined, 'bytes=100-']);
  });

  it.each([500, 502, 503, 504, 408, 429])('%i, then 200', async (status) => {
    serveInTurn((_, response) => refuse(response, status), serveRange);
    expect(await readFile(await fetched())).toEqual(large);
    expect(ranges).toHaveLength(2);
  });

  it.each([400, 403, 404, 410])('%i of the file server is not asked again', async (status) => {
    serveInTurn((_, response) => refuse(response, status));
    expect(await failure()).toBeInstanceOf(DataError);
    expect(ranges).toHaveLength(1);
  });
});

describe('content that is not what was announced', () => {
  it('too short, by its own Content-Length', async () => {
    serveInTurn(send(200, large.subarray(1)));
    expect((await failure()).message).toBe('expected 5000 bytes, as announced, got 4999, in org/data, "en/part.gz"');
    expect(await left()).toEqual([]);
  });

  it('too long, by its own Content-Length', async () => {
    serveInTurn(send(200, Buffer.concat([large, small])));
    expect((await failure()).message).toContain('expected 5000 bytes, as announced, got 5020');
  });

  it('too short, without a Content-Length', async () => {
    serveInTurn((_, response, { content }) => response.writeHead(200).end(content.subarray(0, 4000)));
    expect((await failure()).message).toContain('got 4000 of 5000 bytes');
  });

  it('without end', async () => {
    let sent = 0;
    serveInTurn((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1 << 16))) sent += 1 << 16;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect((await failure()).message).toContain('expected at most 5000 bytes, got more');
    expect(await left()).toEqual([]);
    expect(ranges).toHaveLength(1);
    expect(sent).toBeLessThan(1 << 26);
  });

  const flipped = (content: Buffer) => Buffer.concat([Buffer.from([content[0] ^ 1]), content.subarray(1)]);

  it.each([
    ['SHA-256 of a large file', 'en/part.gz', large, sha256],
    ['id that git gives a small file', 'small.json', small, gitSha1],
  ])('by the %s', async (_, name, content, hash) => {
    serveInTurn(send(200, flipped(content)));
    expect((await failure(name)).message).toBe(
      `expected a file with the hash ${hash(content)}, got ${hash(flipped(content))}, in org/data, "${name}"`,
    );
    expect(ranges).toHaveLength(1);
    expect(await left()).toEqual([]);
    serveInTurn(serveRange);
    expect(await readFile(await fetched(name))).toEqual(content);
  });

  it('packed by the server is unpacked, and its hash is that of the file', async () => {
    const { gzipSync } = await import('node:zlib');
    serveInTurn(send(200, gzipSync(small), { 'content-encoding': 'gzip', 'content-length': gzipSync(small).length }));
    expect(await readFile(await fetched('small.json'))).toEqual(small);
  });
});

it('two at once take one from the server', async () => {
  serveInTurn((request, response, file: FakeFile) => {
    setTimeout(() => serveRange(request, response, file), 50);
  });
  const [a, b] = await Promise.all([fetched(), fetched()]);
  expect(a).toBe(b);
  expect(ranges).toHaveLength(1);
});

it('a link in place of the file that grows is not written through', async () => {
  const { symlink } = await import('node:fs/promises');
  const victim = join(home, 'victim');
  await writeFile(victim, 'mine');
  await mkdir(blobs(), { recursive: true });
  await symlink(victim, join(blobs(), `${sha256(large)}.neuroal.incomplete`));
  expect(await readFile(await fetched())).toEqual(large);
  expect(await readFile(victim, 'utf8')).toBe('mine');
  expect((await lstat(join(blobs(), sha256(large)))).isFile()).toBe(true);
});

it('the token goes along a redirect on the hub, and not to another port', async () => {
  const seen: (string | undefined)[] = [];
  const other = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(200, { 'content-length': large.length }).end(large);
  });
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}/x`;
  hub.intercept = (request, response) => {
    if (request.method === 'HEAD') return false;
    const location = request.url?.startsWith('/moved') ? elsewhere : '/moved';
    response.writeHead(307, { location }).end();
    return true;
  };
  try {
    expect(await readFile(await fetched())).toEqual(large);
    expect(seen).toEqual([undefined]);
    expect(hub.requests.at(-1)).toBe('GET /moved');
    expect(new Set(hub.tokens.hub)).toEqual(new Set(['Bearer hf_secret']));
  } finally {
    other.closeAllConnections();
    await new Promise((done) => other.close(done));
  }
});
