// Which files of a model's folder go along where it is deployed: what is read of a model, and nothing of its other forms.

import { readdir } from 'node:fs/promises';

const READ = new RegExp(
  [
    '^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\\.json$',
    '^(merges\\.txt|tokenizer\\.model|chat_template\\.jinja)$',
    '\\.safetensors(\\.index\\.json)?$',
  ].join('|'),
);

/**
 * The names of the files, sorted.
 * @throws Error where the folder is not there, or has no config.json or no safetensors
 */
export async function modelFiles(folder) {
  const there = await readdir(folder).catch(({ code }) => {
    throw new Error(`expected the folder of a model, got ${code}, in ${folder}`);
  });
  const names = there.filter((name) => READ.test(name)).sort();
  const wanted = {
    'config.json': 'config.json',
    'weights in safetensors (neuroal convert makes them)': '.safetensors',
  };
  for (const [expected, end] of Object.entries(wanted))
    if (!names.some((name) => name.endsWith(end))) throw new Error(`expected ${expected}, got none, in ${folder}`);
  return names;
}
