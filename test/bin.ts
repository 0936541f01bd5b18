// For tests only: the built command line as a child process.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

export interface Started {
  child: ChildProcessWithoutNullStreams;
  ended: Promise<Ended>;
}

/** Starts `neuroal ARGS` in the folder `cwd`, with variables besides those of this process. */
export const startBin = (args: readonly string[], cwd: string, variables?: Record<string, string>): Started =>
  startNode([bin, ...args], cwd, variables);

/** Starts `node ARGS`. */
export function startNode(args: readonly string[], cwd: string, variables: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...variables } });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, out, err }));
  });
  return { child, ended };
}
