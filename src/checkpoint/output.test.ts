import { chmod, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { f32, folderWith, half, removeFolder, safetensors } from '../../test/checkpoint-fixture.js';
import { OutputError } from '../errors.js';
import type { Checkpoint } from './checkpoint.js';
import { asOutputError } from './disk-errors.js';
import { openCheckpoint } from './open-checkpoint.js';
import { OutputFolder } from './output.js';

let home: string;
let source: Checkpoint;
let out: string;
const weights = safetensors(
  {
    a: f32([2], [1, 2]),
    'b.weight': half('F16', [2, 2], [0x3c00, 0x3c00, 0x3c00, 0x3c00]),
    c: half('BF16', [1], [0x3f80]),
    i: { dtype: 'I64', shape: [1], bytes: new Uint8Array(8) },
  },
  { format: 'pt' },
);

/** A snapshot like the hub cache's: links to read-only blobs. */
beforeEach(async () => {
  home = await folderWith();
  out = join(home, 'out');
  await mkdir(join(home, 'blobs'));
  await mkdir(join(home, 'model', 'extra', 'deep'), { recursive: true });
  const files = {
    'config.json': '{"model_type":"llama"}',
    'tokenizer.json': '{ }\r\n',
    'neuroal.json': '{"schema":1}',
    'extra/deep/config.json': '[]',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(home, 'model', name), text);
  await writeFile(join(home, 'blobs', 'sha'), weights);
  await chmod(join(home, 'blobs', 'sha'), 0o444);
  await symlink('../blobs/sha', join(home, 'model', 'model.safetensors'));
  await symlink('..', join(home, 'model', 'loop'));
  source = await openCheckpoint(join(home, 'model'));
});
afterEach(async () => {
  await source.close();
  await removeFolder(home);
});

async function messageOf(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(OutputError);
  return (error as Error).message.replaceAll(home, 'HOME');
}

test('a copy with some tensors overwritten, all else byte for byte', async () => {
  const output = await OutputFolder.create(source, out);
  await Promise.all([
    output.writeTensor('b.weight', Float32Array.of(0, 0.5, 1 / 3, -2)),
    output.writeTensor('c', Float32Array.of(0)),
  ]);
  await output.writeFile('neuroal.json', '{"schema":1,"new":true}');
  expect((await readdir(home)).filter((name) => name === 'out')).toEqual([]);
  await output.commit();
  await output.discard();

  expect((await readdir(home)).sort()).toEqual(['blobs', 'model', 'out']);
  expect((await readdir(out)).sort()).toEqual([
    'config.json',
    'extra',
    'model.safetensors',
    'neuroal.json',
    'tokenizer.json',
  ]);
  expect(await readFile(join(out, 'tokenizer.json'), 'utf8')).toBe('{ }\r\n');
  expect(await readFile(join(out, 'extra', 'deep', 'config.json'), 'utf8')).toBe('[]');
  expect(await readFile(join(out, 'neuroal.json'), 'utf8')).toBe('{"schema":1,"new":true}');
  const expected = Buffer.from(weights);
  Buffer.from(Uint16Array.of(0, 0x3800, 0x3555, 0xc000, 0).buffer).copy(expected, source.info('b.weight').begin);
  expect((await readFile(join(out, 'model.safetensors'))).equals(expected)).toBe(true);
  expect((await readFile(join(home, 'blobs', 'sha'))).equals(weights)).toBe(true);
  expect((await stat(join(out, 'model.safetensors'))).mode & 0o200).toBe(0o200);
});

test('the same weights in other files do not go into the copy', async () => {
  const dense = [
    'pytorch_model.bin',
    'pytorch_model.bin.index.json',
    'pytorch_model-00001-of-00002.bin',
    'model.safetensors.index.json',
    'model-00001-of-00002.safetensors',
    'model.fp16.safetensors',
    'consolidated.00.pth',
    'tf_model.h5',
    'flax_model.msgpack',
    'model.Q4_K_M.gguf',
    'model.onnx',
    'model.onnx_data',
    'rust_model.ot',
  ];
  const kept = ['adapter_config.json', 'vocab.bin', 'README.md', 'model_card.json'];
  for (const name of [...dense, ...kept]) await writeFile(join(home, 'model', name), '{}');
  for (const folder of ['onnx', 'original', '.git']) {
    await mkdir(join(home, 'model', folder));
    await writeFile(join(home, 'model', folder, 'x'), '');
  }
  // Only at the top, and only folders of that name.
  await writeFile(join(home, 'model', 'extra', 'deep', 'model.onnx'), '');
  await writeFile(join(home, 'model', 'coreml'), '');
  const again = await openCheckpoint(join(home, 'model'));
  await (await OutputFolder.create(again, out)).commit();
  await again.close();
  const own = ['config.json', 'tokenizer.json', 'model.safetensors', 'extra', 'coreml'];
  expect((await readdir(out)).sort()).toEqual([...own, ...kept].sort());
  expect((await readdir(join(out, 'extra', 'deep'))).sort()).toEqual(['config.json', 'model.onnx']);
});

test('discard leaves nothing, also of parent folders that it made', async () => {
  const output = await OutputFolder.create(source, join(home, 'new', 'deep', 'out'));
  expect((await readdir(join(home, 'new', 'deep')))[0]).toMatch(/^\.out\.[0-9a-f]{12}\.partial$/);
  await output.writeTensor('a', Float32Array.of(0, 0));
  await output.discard();
  await output.discard();
  expect((await readdir(home)).sort()).toEqual(['blobs', 'model']);
  expect(await messageOf(output.commit())).toBe(
    'expected an output folder being written, got one already finished, in HOME/new/deep/out',
  );
});

test('an abort rejects with its reason and leaves nothing', async () => {
  const abort = new AbortController();
  const output = await OutputFolder.create(source, out, { signal: abort.signal });
  abort.abort(new Error('enough'));
  await expect(output.writeTensor('a', Float32Array.of(0, 0))).rejects.toThrow('enough');
  await expect(output.commit()).rejects.toThrow('enough');
  await expect(OutputFolder.create(source, out, { signal: abort.signal })).rejects.toThrow('enough');
  expect((await readdir(home)).sort()).toEqual(['blobs', 'model']);
});

test('tensors that cannot be written', async () => {
  const output = await OutputFolder.create(source, out);
  const at = 'HOME/out/model.safetensors, tensor';
  expect(await messageOf(output.writeTensor('b.weight', new Float32Array(3)))).toBe(
    `expected 4 values of [2, 2], got 3, in ${at} "b.weight"`,
  );
  expect(await messageOf(output.writeTensor('b.weight', Float32Array.of(0, 0, 0, 70000)))).toBe(
    `expected finite values that F16 can hold, got 70000 at index 3, in ${at} "b.weight"`,
  );
  expect(await messageOf(output.writeTensor('a', Float32Array.of(Number.NaN, 0)))).toBe(
    `expected finite values that F32 can hold, got NaN at index 0, in ${at} "a"`,
  );
  await expect(output.writeTensor('i', new Float32Array(1))).rejects.toThrow(
    'expected weights stored as F64, F32, F16, BF16, F8_E4M3 or F8_E5M2, got I64, in ',
  );
  await expect(output.writeTensor('none', new Float32Array(1))).rejects.toThrow('expected tensor "none", got none');
  expect(await messageOf(output.writeFile('../x', ''))).toBe('expected a plain file name, got "../x", in HOME/out');
  await output.discard();
});

describe('places', () => {
  const apart = 'expected an output folder apart from the model folder';
  test.each([
    ['model', `${apart}, got the model folder itself, in HOME/model`],
    ['link', `${apart}, got the model folder itself, in HOME/link`],
    ['model/extra/new', `${apart}, got a folder inside the model folder, in HOME/model/extra/new`],
    ['', `${apart}, got a folder that contains the model folder, in HOME/`],
    ['blobs', `${apart}, got a folder that contains the weights, in HOME/blobs`],
    ['nowhere', 'expected an output folder, got a link that leads nowhere: HOME/nowhere, in HOME/nowhere'],
    ['file', 'expected an output folder, got a file of that name; choose another, in HOME/file'],
    ['file/out', 'expected a path through folders only, got a file in its place (ENOTDIR), in HOME/file/out'],
    [
      'project',
      'expected an empty or new folder, got one that is not a model folder; choose another or remove it yourself, in HOME/project',
    ],
  ])('%s is refused, even with force', async (place, message) => {
    await symlink('model', join(home, 'link'));
    await symlink('void', join(home, 'nowhere'));
    await writeFile(join(home, 'file'), '');
    await mkdir(join(home, 'project'));
    await writeFile(join(home, 'project', 'config.json'), '{"port":80}');
    const before = (await readdir(home)).sort();
    expect(await messageOf(OutputFolder.create(source, `${home}/${place}`, { force: true }))).toBe(message);
    expect((await readdir(home)).sort()).toEqual(before);
  });

  test('an empty folder is taken', async () => {
    await mkdir(out);
    await (await OutputFolder.create(source, out)).commit();
    expect(await readdir(out)).toContain('model.safetensors');
    expect((await readdir(home)).sort()).toEqual(['blobs', 'model', 'out']);
  });

  test('an older model is replaced with force only', async () => {
    await mkdir(out);
    await writeFile(join(out, 'config.json'), '{"model_type":"opt"}');
    expect(await messageOf(OutputFolder.create(source, out))).toBe(
      'expected an empty or new folder, got a folder with a model in it; choose another, or use --force (in the library, force: true), in HOME/out',
    );
    await writeFile(join(out, 'old'), '');
    const output = await OutputFolder.create(source, out, { force: true });
    expect(await readdir(out)).toContain('old');
    await output.commit();
    expect(await readdir(out)).not.toContain('old');
    expect(await readFile(join(out, 'config.json'), 'utf8')).toBe('{"model_type":"llama"}');
    expect((await readdir(home)).sort()).toEqual(['blobs', 'model', 'out']);
  });

  test('what has come to stand there meanwhile is kept', async () => {
    const output = await OutputFolder.create(source, out);
    await mkdir(out);
    await writeFile(join(out, 'thesis.tex'), '');
    expect(await messageOf(output.commit())).toContain('got one that is not a model folder');
    expect((await readdir(home)).sort()).toEqual(['blobs', 'model', 'out']);
    expect(await readdir(out)).toEqual(['thesis.tex']);
  });

  test('a commit whose files have gone leaves the old folder alone', async () => {
    await mkdir(out);
    await writeFile(join(out, 'config.json'), '{"model_type":"opt"}');
    const output = await OutputFolder.create(source, out, { force: true });
    const partial = (await readdir(home)).find((name) => name.endsWith('.partial')) as string;
    // Gone from under it, as if by another program: the sync of its files fails, and nothing is touched.
    await rename(join(home, partial), join(home, 'taken'));
    expect(await messageOf(output.commit())).toContain('expected every file of the model folder to be there');
    expect(await readFile(join(out, 'config.json'), 'utf8')).toBe('{"model_type":"opt"}');
  });
});

test('a broken link in the model folder', async () => {
  await symlink('../blobs/missing', join(home, 'model', 'vocab.json'));
  expect(await messageOf(OutputFolder.create(source, out))).toBe(
    "expected every file of the model folder to be there, got ENOENT: no such file or directory, stat 'HOME/model/vocab.json' (ENOENT), in HOME/out",
  );
  expect((await readdir(home)).sort()).toEqual(['blobs', 'model']);
});

test.each([
  ['ENOSPC', 'expected room for 13 MB in /data, got a full disk (ENOSPC), in /data/out'],
  ['EDQUOT', 'expected room for 13 MB in /data, got a used-up disk quota (EDQUOT), in /data/out'],
  ['EFBIG', 'expected room for 13 MB in /data, got a limit on the size of a file (EFBIG), in /data/out'],
  ['EROFS', 'expected a folder that can be written, got a read-only file system (EROFS), in /data/out'],
  [
    'EACCES',
    'expected permission to read the model folder and to write the output folder, got permission denied (EACCES), in /data/out',
  ],
  [
    'EBUSY',
    'expected an output folder that can be moved; choose a new folder inside it, got a mount point or folder in use (EBUSY), in /data/out',
  ],
  ['EIO', 'expected an output folder that can be written, got EIO: broken (EIO), in /data/out'],
])('%s in words', (code, message) => {
  const error = asOutputError(
    Object.assign(new Error(`${code}: broken`), { code, syscall: 'write' }),
    '/data/out',
    12.3e6,
  );
  expect(error).toBeInstanceOf(OutputError);
  expect((error as Error).message).toBe(message);
});
