// Compiles ceilings.ts in memory, with the very options of the kernels (asconfig.json).

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('../..', import.meta.url));
const entries = ['bench/ceilings/ceilings.ts'];

/** @param target a target of asconfig.json */
export async function compileCeilings(target) {
  let binary;
  const { error, stderr } = await asc.main(['--target', target], {
    async readFile(name) {
      const source = await readFile(join(root, name), 'utf8').catch(() => null);
      return name === 'asconfig.json' ? JSON.stringify({ ...JSON.parse(source), entries }) : source;
    },
    writeFile(_name, contents) {
      binary = contents;
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`expected ceilings.ts to compile for ${target}, got ${error.message}: ${stderr}`);
  return WebAssembly.compile(binary);
}
