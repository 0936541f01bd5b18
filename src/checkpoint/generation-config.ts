// Where generation begins and ends: generation_config.json when the folder has one, else the same keys of config.json.

import { ConfigError } from '../errors.js';
import { ConfigReader, readConfig } from './config.js';
import { folderAt } from './disk-folder.js';
import type { Folder } from './folder.js';
import { readJsonIn } from './json-file.js';

export interface GenerationConfig {
  bos_token_id: number | null;
  /** Any of these ends the text; may be empty. */
  eos_token_id: number[];
}

/** Throws a ConfigError if a file is malformed; `config` spares a second reading of config.json. */
export async function readGenerationConfig(
  at: string | Folder,
  config?: ConfigReader,
  signal?: AbortSignal,
): Promise<GenerationConfig> {
  const folder = folderAt(at);
  const name = 'generation_config.json';
  const own = new ConfigReader((await readJsonIn(folder, name, ConfigError, signal))?.value ?? {}, folder.pathOf(name));
  const fallback = config ?? (await readConfig(folder));
  const ids = (key: string) => {
    const found = own.tokenIds(key);
    return found.length ? found : fallback.tokenIds(key);
  };
  return { bos_token_id: ids('bos_token_id')[0] ?? null, eos_token_id: ids('eos_token_id') };
}
