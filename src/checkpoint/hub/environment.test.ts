import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../../test/checkpoint-fixture.js';
import { UsageError } from '../../errors.js';
import { hubEnvironment } from './environment.js';

const nowhere = { HF_TOKEN_PATH: '/nonexistent/token' };

it.each([
  [{}, join(homedir(), '.cache/huggingface/hub')],
  [{ XDG_CACHE_HOME: '/x' }, '/x/huggingface/hub'],
  [{ XDG_CACHE_HOME: '/x', HF_HOME: '~/h' }, join(homedir(), 'h/hub')],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as a shell has it
  [{ HF_HOME: '$DISK/${PART}/$UNSET', DISK: '/d', PART: 'p' }, '/d/p/$UNSET/hub'],
  [{ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old' }, '/old'],
  [{ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '/new' }, '/new'],
  [{ HF_HOME: '' }, join(homedir(), '.cache/huggingface/hub')],
])('cache of %j', async (variables, cache) => {
  expect((await hubEnvironment({ ...nowhere, ...variables })).cache).toBe(cache);
});

it.each([
  [{ HF_HUB_OFFLINE: '1' }, 'HF_HUB_OFFLINE=1'],
  [{ HF_HUB_OFFLINE: 'yes' }, 'HF_HUB_OFFLINE=yes'],
  [{ TRANSFORMERS_OFFLINE: 'TRUE' }, 'TRANSFORMERS_OFFLINE=TRUE'],
  [{ HF_HUB_OFFLINE: '0', TRANSFORMERS_OFFLINE: '1' }, undefined],
  [{ HF_HUB_OFFLINE: '2' }, undefined],
])('offline of %j', async (variables, offline) => {
  expect((await hubEnvironment({ ...nowhere, ...variables })).offline).toBe(offline);
});

it('token: variables before the file, and none where it must not be sent', async () => {
  const folder = await folderWith({ token: ' hf_file\n', bad: 'two words' });
  const HF_HOME = folder;
  const token = async (variables: Record<string, string>) => (await hubEnvironment(variables)).token;
  expect(await token({ HF_HOME })).toBe('hf_file');
  expect(await token({ HF_HOME, HF_TOKEN: 'hf_a\n', HUGGING_FACE_HUB_TOKEN: 'hf_b' })).toBe('hf_a');
  expect(await token({ HF_HOME, HUGGING_FACE_HUB_TOKEN: 'hf_b' })).toBe('hf_b');
  expect(await token({ HF_HOME, HF_TOKEN: ' ', HUGGING_FACE_HUB_TOKEN: '' })).toBe('hf_file');
  expect(await token({ HF_HOME, HF_TOKEN: 'hf_a', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined();
  expect(await token(nowhere)).toBeUndefined();
  const error = await token({ HF_TOKEN_PATH: join(folder, 'bad') }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).not.toContain('words');
  await removeFolder(folder);
});

it('the rest', async () => {
  expect(await hubEnvironment(nowhere)).toMatchObject({
    endpoint: 'https://huggingface.co',
    etagTimeout: 10_000,
    downloadTimeout: 10_000,
    symlinks: true,
  });
  const variables = { HF_ENDPOINT: 'http://mirror.test/hf/', HF_HUB_ETAG_TIMEOUT: '3', HF_HUB_DISABLE_SYMLINKS: 'on' };
  expect(await hubEnvironment({ ...nowhere, ...variables })).toMatchObject({
    endpoint: 'http://mirror.test/hf',
    etagTimeout: 3000,
    symlinks: false,
  });
});

it.each([
  [
    { HF_ENDPOINT: 'huggingface.co' },
    'expected HF_ENDPOINT to be an address like https://huggingface.co, got "huggingface.co"',
  ],
  [{ HF_ENDPOINT: 'file:///etc' }, 'expected HF_ENDPOINT'],
  [{ HF_ENDPOINT: 'https://me:secret@hub.test' }, 'expected HF_ENDPOINT'],
  [{ HF_HUB_DOWNLOAD_TIMEOUT: 'soon' }, 'expected HF_HUB_DOWNLOAD_TIMEOUT to be whole seconds, got "soon"'],
])('%j is refused', async (variables, message) => {
  const error = await hubEnvironment({ ...nowhere, ...variables }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toContain(message);
});
