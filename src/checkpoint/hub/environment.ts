// The settings that Python's huggingface_hub reads from the environment, read in the same way, so that both find the same
// cache, the same server and the same token.

import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from '../../errors.js';
import { quoted } from '../../quoted.js';
import { isSystemError } from '../system-error.js';

export interface HubEnvironment {
  /** Address of the hub, without a slash at its end. */
  endpoint: string;
  /** Folder that holds `models--org--name` and the like, as an absolute path. */
  cache: string;
  /** Sent to the endpoint and to nobody else; undefined where there is none, or it must not be sent. */
  token: string | undefined;
  /** `VARIABLE=value` that forbids the network; undefined where it may be used. */
  offline: string | undefined;
  /** Milliseconds to wait for what the server says of a file. */
  etagTimeout: number;
  /** Milliseconds without a byte after which a download counts as broken. */
  downloadTimeout: number;
  /** Whether snapshots are links to blobs; else the files themselves. */
  symlinks: boolean;
  /** Milliseconds before the first new attempt; each further wait is twice as long. */
  retryDelay: number;
}

type Variables = Readonly<Record<string, string | undefined>>;

const defaultEndpoint = 'https://huggingface.co';
const defaultSeconds = 10;
const maxTokenBytes = 16 * 1024;

/**
 * Reads the settings. An empty variable counts as none.
 * @throws UsageError for an endpoint, a timeout or a token that makes no sense.
 */
export async function hubEnvironment(variables: Variables = process.env): Promise<HubEnvironment> {
  const path = (name: string) => (variables[name] ? expanded(variables[name], variables) : undefined);
  const home = path('HF_HOME') ?? join(path('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
  return {
    endpoint: endpointOf(variables),
    cache: resolve(path('HF_HUB_CACHE') ?? path('HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub')),
    token: await tokenOf(variables, path('HF_TOKEN_PATH') ?? join(home, 'token')),
    offline: offlineBy(variables),
    etagTimeout: milliseconds('HF_HUB_ETAG_TIMEOUT', variables),
    downloadTimeout: milliseconds('HF_HUB_DOWNLOAD_TIMEOUT', variables),
    symlinks: !isTrue(variables.HF_HUB_DISABLE_SYMLINKS),
    retryDelay: 500,
  };
}

/** Whether a variable switches something on, as huggingface_hub has it. */
export const isTrue = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? '');

function offlineBy(variables: Variables): string | undefined {
  const name = variables.HF_HUB_OFFLINE ? 'HF_HUB_OFFLINE' : 'TRANSFORMERS_OFFLINE';
  return isTrue(variables[name]) ? `${name}=${variables[name]}` : undefined;
}

function endpointOf({ HF_ENDPOINT }: Variables): string {
  const text = (HF_ENDPOINT || defaultEndpoint).replace(/\/+$/, '');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash;
  if (!plain)
    throw new UsageError(`expected HF_ENDPOINT to be an address like ${defaultEndpoint}, got ${quoted(text)}`);
  return text;
}

function milliseconds(name: string, variables: Variables): number {
  const text = variables[name]?.trim() || '0';
  if (!/^\d{1,6}$/.test(text)) throw new UsageError(`expected ${name} to be whole seconds, got ${quoted(text)}`);
  return 1000 * (Number(text) || defaultSeconds);
}

async function tokenOf(variables: Variables, path: string): Promise<string | undefined> {
  if (isTrue(variables.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const given = [variables.HF_TOKEN, variables.HUGGING_FACE_HUB_TOKEN].map(cleaned).find((text) => text);
  const token = given ?? cleaned(await tokenFile(path));
  if (!token) return undefined;
  // What is wrong with it is not said: a token belongs in no message.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new UsageError(
      `expected ${given ? 'HF_TOKEN' : path} to be a token, got something with spaces or letters that none has`,
    );
  return token;
}

const cleaned = (token: string | undefined) => token?.replace(/[\r\n]/g, '').trim();

/** Text of the token file; undefined where there is none that can be read. */
async function tokenFile(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() && found.size <= maxTokenBytes ? await readFile(path, 'utf8') : undefined;
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** `~`, `$NAME` and `${NAME}` replaced; a variable that is not set stays as it is written. */
function expanded(path: string, variables: Variables): string {
  const fromHome = /^~(?=$|[/\\])/.test(path) ? homedir() + path.slice(1) : path;
  return fromHome.replace(/\$(?:(\w+)|\{([^}]*)\})/g, (all, bare, braced) => variables[bare ?? braced] ?? all);
}
