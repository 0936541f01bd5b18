// What the builds of examples take along of a folder, and what they say of one that is no model.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { node } from './run.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroal-model-files-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const modelFiles: (folder: string) => Promise<string[]> = async (folder) =>
  (await import(new URL('../../examples/model-files.mjs', import.meta.url).href)).modelFiles(folder);

it.each(['cloudflare', 'lambda'])('%s names a folder that is no model, in a line', async (example) => {
  const build = `examples/${example}/build.mjs`;
  const nowhere = join(folder, 'nowhere');
  await expect(node([build, nowhere])).rejects.toThrow(
    `expected node ${build} to end with 0, got 2: expected the folder of a model, got ENOENT, in ${nowhere}\n`,
  );
});

it('takes every shard and every form of a tokenizer, and nothing else', async () => {
  const taken = [
    ...['added_tokens.json', 'chat_template.jinja', 'config.json', 'merges.txt', 'model-00001-of-00002.safetensors'],
    ...['model-00002-of-00002.safetensors', 'model.safetensors.index.json', 'special_tokens_map.json'],
    ...['tokenizer.model', 'vocab.json'],
  ];
  await expect(modelFiles(folder)).rejects.toThrow(`expected config.json, got none, in ${folder}`);
  writeFileSync(join(folder, 'config.json'), '{}');
  await expect(modelFiles(folder)).rejects.toThrow(
    `expected weights in safetensors (neuroal convert makes them), got none, in ${folder}`,
  );
  for (const name of [...taken, 'README.md', 'pytorch_model.bin', 'neuroal.json', 'model.safetensors.bak'])
    writeFileSync(join(folder, name), '{}');
  expect(await modelFiles(folder)).toEqual(taken);
});
