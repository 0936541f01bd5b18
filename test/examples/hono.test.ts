// The routes of the example on a port, as a client sees them.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { pieces, type Server, serve } from './run.js';

let server: Server;
beforeAll(async () => {
  server = await serve(process.execPath, ['examples/hono/server.mjs'], { env: { PORT: '0' } });
});
afterAll(() => server?.stop());

const ask = (body: unknown, signal?: AbortSignal) =>
  fetch(`${server.url}/generate`, { method: 'POST', body: JSON.stringify(body), signal: signal ?? null });

/** [event, data] of each event. */
const eventsOf = (text: string) =>
  text
    .split('\n\n')
    .filter(Boolean)
    .map((event) => /^event: (\w+)\ndata: (.*)$/.exec(event)?.slice(1) ?? [event])
    .map(([name, data]) => [name, data && JSON.parse(data)] as const);

it('streams a text as events, to several clients at once', async () => {
  const request = { prompt: 'Once upon a time', maxTokens: 12, temperature: 0 };
  const all = await Promise.all([ask(request), ask(request)]);
  for (const response of all) {
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const parts = await pieces(response);
    const events = eventsOf(parts.join(''));
    const text = events.filter(([name]) => name === 'text').map(([, data]) => data);
    expect(text.length).toBeGreaterThan(1);
    expect(text.join('')).toBe(', there was a little girl named Lily. She');
    expect(events.at(-1)).toEqual([
      'done',
      { tokens: 12, finishReason: 'length', tokensPerSecond: expect.any(Number) },
    ]);
  }
});

it('refuses what is no request, and tells what a model refuses', async () => {
  const none = await ask({});
  expect([none.status, await none.json()]).toEqual([400, { error: 'expected { "prompt": … }' }]);
  const wrong = await ask({ prompt: 'a', temperature: -1 });
  expect(eventsOf(await wrong.text())).toEqual([['error', 'expected a temperature of 0 or more, got -1']]);
});

it('stops for a client that goes away, and serves the next', async () => {
  const gone = new AbortController();
  const response = await ask({ prompt: 'Once upon a time', maxTokens: 400 }, gone.signal);
  const reader = response.body?.getReader();
  const first = await reader?.read();
  // What comes first comes while the rest is still to be written.
  expect(new TextDecoder().decode(first?.value)).not.toContain('event: done');
  gone.abort();
  await expect(reader?.read()).rejects.toThrow('aborted');
  const next = await ask({ prompt: 'Once upon a time', maxTokens: 3, temperature: 0 });
  expect(eventsOf(await next.text()).at(-1)?.[0]).toBe('done');
});
