// For tests only: a hub and its file server ("CDN") on two ports of this machine, with one repository, whose answers a
// test can bend.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeFile {
  content: Buffer;
  /** Large files lie on the other server, named by their SHA-256. */
  large: boolean;
}

type Handler = (request: IncomingMessage, response: ServerResponse, file: FakeFile) => void;

export const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
export const gitSha1 = (content: Buffer) =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');

export class FakeHub {
  /** Files of the repository. */
  readonly files = new Map<string, FakeFile>();
  /** Every request, as `METHOD path`. */
  readonly requests: string[] = [];
  /** The authorization header of every request to the hub and to the file server. */
  readonly tokens: { hub: (string | undefined)[]; cdn: (string | undefined)[] } = { hub: [], cdn: [] };
  commit = '1234567890abcdef1234567890abcdef12345678';
  revisions = new Set(['main']);
  /** Takes a request to the hub over, unless it returns false. */
  intercept: (request: IncomingMessage, response: ServerResponse) => unknown = () => false;
  /** How the content of a file is sent. */
  serve: Handler = serveRange;
  /** Names in the list of files besides those of `files`. */
  alsoListed: unknown[] = [];

  private constructor(
    readonly id: string,
    readonly type: 'model' | 'dataset',
    private readonly hub: Server,
    private readonly cdn: Server,
  ) {}

  static async start(id: string, files: Record<string, Buffer | string>, type: 'model' | 'dataset' = 'model') {
    let fake: FakeHub;
    const hub = createServer((request, response) => fake.onHub(request, response));
    const cdn = createServer((request, response) => fake.onCdn(request, response));
    for (const server of [hub, cdn]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    fake = new FakeHub(id, type, hub, cdn);
    for (const [name, content] of Object.entries(files)) fake.put(name, content);
    return fake;
  }

  put(name: string, content: Buffer | string): void {
    this.files.set(name, {
      content: typeof content === 'string' ? Buffer.from(content) : content,
      large: /\.(safetensors|bin|gz)$/.test(name),
    });
  }

  get endpoint(): string {
    return address(this.hub);
  }

  /** Requests of one method, without the endpoint. */
  asked(method: string, end = ''): string[] {
    return this.requests.filter((line) => line.startsWith(`${method} `) && line.endsWith(end));
  }

  async stop(): Promise<void> {
    for (const server of [this.hub, this.cdn]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  private onHub(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? '/', this.endpoint);
    this.requests.push(`${request.method} ${url.pathname}`);
    this.tokens.hub.push(request.headers.authorization);
    if (this.intercept(request, response) !== false) return;
    const api = `/api/${this.type}s/${this.id}`;
    const files = `/${this.type === 'dataset' ? 'datasets/' : ''}${this.id}/resolve/`;
    const path = url.pathname;
    if (path.startsWith(`${api}/revision/`))
      return this.onList(decodeURIComponent(path.slice(api.length + 10)), response);
    if (path.startsWith(`${api}/tree/`)) return this.onTree(response);
    if (!path.startsWith(files)) return refuse(response, 404, 'RepoNotFound');
    const [revision, ...parts] = path.slice(files.length).split('/').map(decodeURIComponent);
    if (!this.knows(revision)) return refuse(response, 404, 'RevisionNotFound');
    const name = parts.join('/');
    const file = this.files.get(name);
    response.setHeader('x-repo-commit', this.commit);
    if (!file) return refuse(response, 404, 'EntryNotFound');
    if (!file.large) {
      response.setHeader('etag', `"${gitSha1(file.content)}"`);
      return this.serve(request, response, file);
    }
    response.setHeader('x-linked-etag', `"${sha256(file.content)}"`);
    response.setHeader('x-linked-size', file.content.length);
    response.setHeader('etag', '"of-the-redirect"');
    response.writeHead(302, { location: `${address(this.cdn)}/${encodeURIComponent(name)}` }).end('Found.');
  }

  private onCdn(request: IncomingMessage, response: ServerResponse) {
    this.requests.push(`CDN ${request.url}`);
    this.tokens.cdn.push(request.headers.authorization);
    const file = this.files.get(decodeURIComponent((request.url ?? '/').slice(1)));
    if (file) this.serve(request, response, file);
    else refuse(response, 404);
  }

  private knows(revision: string): boolean {
    return revision === this.commit || this.revisions.has(revision);
  }

  private onList(revision: string, response: ServerResponse) {
    if (!this.knows(revision)) return refuse(response, 404, 'RevisionNotFound');
    const siblings = [...this.files.keys()].map((rfilename) => ({ rfilename }));
    const listing = { id: this.id, sha: this.commit, siblings: [...siblings, ...this.alsoListed] };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(listing));
  }

  /** What Python's snapshot_download asks instead. */
  private onTree(response: ServerResponse) {
    const entries = [...this.files].map(([path, { content, large }]) => ({
      type: 'file',
      path,
      size: content.length,
      oid: gitSha1(content),
      ...(large ? { lfs: { oid: sha256(content), size: content.length, pointerSize: 1 } } : {}),
    }));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(entries));
  }
}

const address = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

export function refuse(response: ServerResponse, status: number, kind?: string) {
  response.writeHead(status, kind ? { 'x-error-code': kind } : {}).end();
}

/** Sends a file, or the range of it that is asked for. */
export function serveRange(request: IncomingMessage, response: ServerResponse, { content }: FakeFile) {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const from = range ? Number(range[1]) : 0;
  if (range && from >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  response.setHeader('content-length', content.length - from);
  if (range) {
    response.setHeader('content-range', `bytes ${from}-${content.length - 1}/${content.length}`);
    response.statusCode = 206;
  }
  response.end(request.method === 'HEAD' ? undefined : content.subarray(from));
}

/** Announces all of a file, sends `bytes` of it and drops the connection. */
export function serveAndDrop(bytes: number): Handler {
  return (request, response, file) => {
    if (request.method === 'HEAD') return serveRange(request, response, file);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const { length } = file.content;
    const range = from > 0 ? { 'content-range': `bytes ${from}-${length - 1}/${length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': length - from, ...range });
    response.write(file.content.subarray(from, from + bytes), () => setTimeout(() => response.destroy(), 20));
  };
}
