// What a hub may answer that is no model to be had: refusals, other repositories, hostile names, no list of files.

import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../../test/checkpoint-fixture.js';
import { refuse, serveRange } from '../../../test/fake-hub.js';
import { failure, hub, one, repository, resolve, useHub } from '../../../test/hub-rig.js';
import { CheckpointError } from '../../errors.js';

useHub();

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
