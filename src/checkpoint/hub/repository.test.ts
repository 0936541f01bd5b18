import { join, normalize } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HubEnvironment } from './environment.js';
import {
  cacheName,
  fileAddress,
  isPlainPath,
  listAddress,
  looksLikePath,
  parseRepository,
  type Repository,
} from './repository.js';

describe('names', () => {
  it.each([
    ['gpt2', 'gpt2', 'main'],
    ['org/name', 'org/name', 'main'],
    ['_o/n_.a-b', '_o/n_.a-b', 'main'],
    ['org/name@v1.0', 'org/name', 'v1.0'],
    ['org/name@refs/pr/1', 'org/name', 'refs/pr/1'],
    ['org/name@feature/a@b', 'org/name', 'feature/a@b'],
  ])('%s', (text, id, revision) => {
    expect(looksLikePath(text)).toBe(false);
    expect(parseRepository(text)).toEqual({ type: 'model', id, revision });
  });

  it.each([
    './a',
    '../a/b',
    '.',
    '..',
    '/a',
    '~',
    '~/a',
    'C:\\a',
    'c:/a',
    'a\\b',
    'org/name/',
    'a/b/c',
    'a/b/c@main',
    'org/name@v/',
  ])('%s is a path', (text) => {
    expect(looksLikePath(text)).toBe(true);
  });

  it.each([
    '',
    'a b',
    'a--b',
    'a..b',
    '.a',
    '-a',
    'a-',
    'a.',
    'org/.n',
    'a.git',
    'é',
    `${'a'.repeat(97)}`,
    '@main',
    'a@',
    'a@..',
    'a@b/../c',
    'a@/b',
    'a@b/',
    'a@b//c',
    'a@b c',
    'a@.b',
    'a@b.lock',
    'a@b\\c',
    'a@b:c',
    'a@b\0',
    `a@${'b'.repeat(251)}`,
  ])('%j is no name', (text) => {
    expect(parseRepository(text)).toBeTypeOf('string');
  });

  it('never lead out of the cache or to another server', () => {
    const environment = { endpoint: 'https://hub.test/mirror' } as HubEnvironment;
    const part = fc.string({
      unit: fc.constantFrom('a', '.', '-', '/', '@', '\\', ':', '%', '?', '#', '\0', ' ', '_'),
    });
    fc.assert(
      fc.property(part, part, (text, file) => {
        const found = parseRepository(text);
        if (typeof found === 'string') return;
        expect(cacheName(found)).toMatch(/^models--[\w.-]+$/);
        expect(normalize(join('refs', found.revision))).toBe(join('refs', found.revision));
        expect(join('refs', found.revision).startsWith('refs/')).toBe(true);
        for (const url of [listAddress(environment, found), fileAddress(environment, found, 'x')]) {
          expect([url.origin, url.search, url.hash]).toEqual(['https://hub.test', '', '']);
          expect(url.pathname).toMatch(/^\/mirror\//);
        }
        if (isPlainPath(file)) expect(join('snapshots', file)).toBe(`snapshots/${file}`);
      }),
      { numRuns: 3000 },
    );
  });

  it.each(['a', 'a/b.c', '.gitattributes', 'en/c4-train.00000-of-01024.json.gz'])('%s is a plain path', (path) => {
    expect(isPlainPath(path)).toBe(true);
  });

  it.each(['', '/a', 'a/', 'a//b', '..', 'a/../b', './a', 'a\\b', 'C:a', 'a\0', 'a\n', 'a/...', 'x'.repeat(256)])(
    '%j is not',
    (path) => {
      expect(isPlainPath(path)).toBe(false);
    },
  );
});

it('addresses are those of the hub', () => {
  const environment = { endpoint: 'https://huggingface.co' } as HubEnvironment;
  const model: Repository = { type: 'model', id: 'org/name', revision: 'refs/pr/1' };
  const data: Repository = { type: 'dataset', id: 'allenai/c4', revision: 'main' };
  expect(listAddress(environment, model).href).toBe(
    'https://huggingface.co/api/models/org/name/revision/refs%2Fpr%2F1',
  );
  expect(fileAddress(environment, model, 'a b/c.json').href).toBe(
    'https://huggingface.co/org/name/resolve/refs%2Fpr%2F1/a%20b/c.json',
  );
  expect(fileAddress(environment, data, 'en/x.json.gz').href).toBe(
    'https://huggingface.co/datasets/allenai/c4/resolve/main/en/x.json.gz',
  );
  expect([cacheName(model), cacheName(data)]).toEqual(['models--org--name', 'datasets--allenai--c4']);
});
