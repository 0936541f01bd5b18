// A model whose files a caller has in hand: by name, in memory or as streams.

import type { ByteFile } from './byte-file.js';
import { contentOf, type FileContent, letGo, openContent, readContent } from './content.js';
import { absent, type Folder, type Reading } from './folder.js';

/** The files of a model by their names: config.json, model.safetensors, tokenizer.json, … */
export type ModelFiles = Readonly<Record<string, FileContent>>;

export class GivenFiles implements Folder {
  readonly name = 'the given files';
  /** Small files that can be read only once, as they were read. */
  readonly #read = new Map<string, Promise<Uint8Array>>();

  constructor(private readonly files: ModelFiles) {
    // A promise that fails while another file is read is an error when its turn comes, and not before.
    for (const given of Object.values(files)) if (given instanceof Promise) given.catch(() => {});
  }

  pathOf(...names: string[]): string {
    return names.join('/');
  }

  async list(below?: string): Promise<string[]> {
    const names = Object.keys(this.files).filter((name) => this.#given(name) !== undefined);
    if (below === undefined) return names;
    return names.filter((name) => name.startsWith(`${below}/`)).map((name) => name.slice(below.length + 1));
  }

  async has(name: string): Promise<boolean> {
    return this.#given(name) !== undefined;
  }

  async read(names: readonly string[], how: Reading): Promise<Uint8Array | undefined> {
    const path = this.pathOf(...names);
    const given = this.#given(path);
    if (given === undefined) return undefined;
    const read = async () => readContent(await contentOf(given, path, how.signal), path, how);
    if (typeof given === 'function') return read();
    const known = this.#read.get(path) ?? read();
    this.#read.set(path, known);
    known.catch(() => this.#read.delete(path));
    return known;
  }

  async open(name: string, kind: string, signal?: AbortSignal): Promise<ByteFile> {
    const given = this.#given(name);
    if (given === undefined) throw absent(name, kind);
    const make = (signal?: AbortSignal) => contentOf(given, name, signal);
    return openContent(await make(signal), name, typeof given === 'function' ? make : undefined);
  }

  close(): void {
    for (const given of Object.values(this.files)) {
      if (typeof given === 'function' || !given) continue;
      Promise.resolve(given).then(letGo, () => {});
    }
  }

  #given(name: string): FileContent | undefined {
    return Object.hasOwn(this.files, name) ? (this.files[name] ?? undefined) : undefined;
  }
}
