// One request to the hub. Redirects are followed here and not by fetch, because the token goes to the hub's own address
// and nowhere else, and because the first answer for a file already says what it is.

import { version } from '../../version.js';
import type { HubEnvironment } from './environment.js';
import { NoAnswer, Refusal, Unfit } from './failures.js';

export interface RequestOptions {
  environment: HubEnvironment;
  signal: AbortSignal;
  headers?: Record<string, string>;
  /** Statuses besides 2xx that are an answer. */
  accept?: readonly number[];
  /** Whether a redirect, to another host or not, is the answer looked for, instead of a way to it. */
  stopAt?: (response: Response, elsewhere: boolean) => boolean;
}

const maxRedirects = 10;
const redirects = [301, 302, 303, 307, 308];

/**
 * Sends a request and follows redirects. The body of the answer is the caller's to read or cancel.
 * @throws NoAnswer, Refusal; the signal's reason when aborted.
 */
export async function send(method: 'GET' | 'HEAD', address: URL, options: RequestOptions): Promise<Response> {
  const { environment, signal, accept = [], stopAt } = options;
  const home = new URL(environment.endpoint).origin;
  let url = address;
  for (let hops = 0; hops <= maxRedirects; hops++) {
    const headers: Record<string, string> = {
      'user-agent': `neuroal/${version}`,
      // Sizes and ranges are those of the file itself.
      'accept-encoding': 'identity',
      ...options.headers,
    };
    if (environment.token && url.origin === home) headers.authorization = `Bearer ${environment.token}`;
    const response = await unlessBroken(fetch(url.href, { method, headers, redirect: 'manual', signal }), signal);
    const location = redirects.includes(response.status) ? response.headers.get('location') : null;
    if (location === null) {
      if (response.ok || accept.includes(response.status)) return response;
      await discard(response);
      throw refusal(response);
    }
    const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (next && stopAt?.(response, next.origin !== url.origin)) return response;
    await discard(response);
    const secure = next && (next.protocol === 'https:' || (next.protocol === 'http:' && url.protocol === 'http:'));
    if (!secure) throw new Unfit('a redirect to an address that is not https');
    url = next;
  }
  throw new Unfit(`more than ${maxRedirects} redirects`);
}

/** The body of an answer, piece by piece. */
export async function* body(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await unlessBroken(reader.read(), signal);
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Lets go of an answer whose body nobody wants. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

/** What fetch calls "failed" and "terminated", with the cause that it hides. */
async function unlessBroken<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const cause = error instanceof Error ? error.cause : undefined;
    const inner = cause instanceof AggregateError ? cause.errors[0] : cause;
    const { code, message } = (inner ?? error) as NodeJS.ErrnoException;
    throw new NoAnswer(message || code || 'a broken connection', code);
  }
}

function refusal({ status, headers }: Response): Refusal {
  const after = headers.get('retry-after');
  const date = after === null ? Number.NaN : Date.parse(after);
  const seconds = after !== null && /^\d+$/.test(after) ? Number(after) : Math.max(0, (date - Date.now()) / 1000);
  const said = (name: string) => headers.get(name) ?? undefined;
  return new Refusal(status, said('x-error-code'), Number.isNaN(seconds) ? undefined : seconds, said('x-repo-commit'));
}
