// For tests of examples: their scripts as they are run by hand, and their servers.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startNode } from '../bin.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** `node ARGS` in the root of the repository, ended: what it printed. Fails, with its stderr, where it fails. */
export async function node(args: readonly string[]): Promise<string> {
  const { code, out, err } = await startNode(args, root).ended;
  if (code === 0) return out;
  throw new Error(`expected node ${args[0]} to end with 0, got ${code}: ${err}`);
}

export interface Server {
  url: string;
  stop(): Promise<void>;
}

/** Starts a server and waits until it answers, or, where `url` is not known before, prints a URL. */
export async function serve(
  command: string,
  args: readonly string[],
  { url, env = {} }: { url?: string; env?: Record<string, string> } = {},
): Promise<Server> {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env } });
  let printed = '';
  let ended = false;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  const over = new Promise<void>((resolve) => {
    const end = () => {
      ended = true;
      resolve();
    };
    child.on('error', end).on('close', end);
  });
  const stop = async () => {
    child.kill();
    await over;
  };
  const deadline = Date.now() + 20_000;
  while (!ended && Date.now() < deadline) {
    const found = url ?? /http:\/\/\S+/.exec(printed)?.[0];
    if (found !== undefined && (await fetch(found).catch(() => null))) return { url: found, stop };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  throw new Error(`expected ${command} ${args.join(' ')} to serve, got: ${printed}`);
}

/** What a response streams, piece by piece. */
export async function pieces(response: Response): Promise<string[]> {
  const out: string[] = [];
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) out.push(decoder.decode(chunk));
  return out;
}
