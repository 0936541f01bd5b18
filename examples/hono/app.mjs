// Routes of Hono over one model: POST /generate streams a text as server-sent events, a piece an event. Several requests may
// be under way: their tokens take turns. A client that goes away stops its text.

import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { generate, UsageError } from 'neuroal/runtime';

/** Tokens that a client may ask for. */
const MOST_TOKENS = 400;

/** @param model as `loadModel` gives it */
export function appOf(model) {
  const app = new Hono();

  app.get('/', (context) => {
    const { parameters, engine } = model;
    return context.json({ parameters, engine });
  });

  app.post('/generate', async (context) => {
    const request = await context.req.json().catch(() => null);
    const { prompt, maxTokens = 100, temperature = 0.8, seed = 0 } = request ?? {};
    if (typeof prompt !== 'string') return context.json({ error: 'expected { "prompt": … }' }, 400);
    return streamSSE(context, async (stream) => {
      const gone = new AbortController();
      stream.onAbort(() => gone.abort());
      // Pieces are sent in their order, each once the one before it is out.
      let sent = Promise.resolve();
      const send = (event, data) => {
        sent = sent.then(() => stream.writeSSE({ event, data: JSON.stringify(data) }));
      };
      try {
        const { tokens, finishReason, seconds } = await generate(model, prompt, {
          maxTokens: Math.min(maxTokens, MOST_TOKENS),
          temperature,
          seed,
          signal: gone.signal,
          onText: (text) => send('text', text),
        });
        send('done', { tokens: tokens.length, finishReason, tokensPerSecond: tokens.length / seconds.decode });
      } catch (error) {
        if (gone.signal.aborted) return;
        if (!(error instanceof UsageError)) throw error;
        send('error', error.message);
      }
      await sent;
    });
  });

  return app;
}
