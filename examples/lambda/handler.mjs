// A function of AWS Lambda behind a function URL or an HTTP API: it takes { prompt, maxTokens } and answers with the text.
// The model is loaded while an instance starts; nothing is written, no process and no thread is started.

import { generate, loadModel, UsageError } from 'neuroal/runtime/inline';

const model = await loadModel(new URL('./model/', import.meta.url), { threads: 1 });

/** What is left of the time that the function has, for the answer to be sent. */
const SPARE_MILLISECONDS = 500;

export async function handler(event, context) {
  const body = event.isBase64Encoded ? Buffer.from(event.body, 'base64').toString() : event.body;
  let request;
  try {
    request = JSON.parse(body ?? '');
  } catch {
    return answer(400, { error: 'expected a body of JSON' });
  }
  const { prompt, maxTokens = 100, temperature = 0.8, seed = 0 } = request ?? {};
  if (typeof prompt !== 'string') return answer(400, { error: 'expected a prompt' });
  const signal = AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - SPARE_MILLISECONDS));
  let text = '';
  try {
    const { tokens, finishReason } = await generate(model, prompt, {
      maxTokens,
      temperature,
      seed,
      signal,
      onText: (piece) => {
        text += piece;
      },
    });
    return answer(200, { text, tokens: tokens.length, finishReason });
  } catch (error) {
    // Out of time: what there is of the text is worth sending.
    if (signal.aborted) return answer(200, { text, finishReason: 'time' });
    if (error instanceof UsageError) return answer(400, { error: error.message });
    throw error;
  }
}

const answer = (statusCode, body) => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
