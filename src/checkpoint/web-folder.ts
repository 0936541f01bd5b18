// A model whose files a server has, below one URL.

import { CheckpointError } from '../errors.js';
import type { ByteFile } from './byte-file.js';
import { letGo, openContent, readContent } from './content.js';
import { absent, type Folder, type Reading } from './folder.js';

export class WebFolder implements Folder {
  readonly name: string;
  /** Answers that were asked for to see whether there is a file, and not read yet. */
  readonly #waiting = new Map<string, Response>();

  /** @param url of the folder; what follows a `?` goes with every file */
  constructor(private readonly url: URL) {
    this.name = withoutSearch(url);
  }

  pathOf(...names: string[]): string {
    return withoutSearch(this.#urlOf(names));
  }

  /** A server does not say what it has. */
  async list(): Promise<string[]> {
    return [];
  }

  async has(name: string, signal?: AbortSignal): Promise<boolean> {
    const answer = await this.#answer([name], signal);
    if (answer) this.#waiting.set(name, answer);
    return answer !== undefined;
  }

  async read(names: readonly string[], how: Reading): Promise<Uint8Array | undefined> {
    const answer = await this.#answer(names, how.signal);
    return answer && readContent(answer, this.pathOf(...names), how);
  }

  async open(name: string, kind: string, signal?: AbortSignal): Promise<ByteFile> {
    const path = this.pathOf(name);
    const make = async (signal?: AbortSignal) => {
      const answer = await this.#answer([name], signal);
      if (answer) return answer;
      throw absent(path, kind);
    };
    return openContent(await make(signal), path, make);
  }

  close(): void {
    for (const answer of this.#waiting.values()) letGo(answer);
    this.#waiting.clear();
  }

  /** The answer that waits, or a new one. */
  async #answer(names: readonly string[], signal?: AbortSignal): Promise<Response | undefined> {
    const key = names.join('/');
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    return waiting ?? this.#ask(names, signal);
  }

  /** The answer to a request for a file; undefined where the server has none. */
  async #ask(names: readonly string[], signal?: AbortSignal): Promise<Response | undefined> {
    let answer: Response;
    try {
      answer = await fetch(this.#urlOf(names), signal && { signal });
    } catch (cause) {
      signal?.throwIfAborted();
      const { message, cause: why } = cause as Error;
      const got = why instanceof Error ? `${message} (${why.message})` : message;
      throw new CheckpointError({ expected: 'an answer of the server', got, where: this.pathOf(...names), cause });
    }
    // Where pages are made on request, a page is the answer to anything that is not there.
    const isPage = /^text\/html\b/i.test(answer.headers.get('content-type') ?? '');
    if (answer.status !== 404 && answer.status !== 410 && !(answer.ok && isPage)) return answer;
    await answer.body?.cancel();
    return undefined;
  }

  #urlOf(names: readonly string[]): URL {
    const url = new URL(this.url);
    url.pathname = [url.pathname.replace(/\/+$/, ''), ...names.map(encodeURIComponent)].join('/');
    return url;
  }
}

/** For messages: what follows a `?` may be a key. */
function withoutSearch(url: URL): string {
  const shown = new URL(url);
  shown.search = '';
  shown.hash = '';
  shown.username = '';
  shown.password = '';
  return shown.href;
}
