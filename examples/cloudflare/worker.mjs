// A worker of Cloudflare that streams a text: GET /?prompt=Once+upon+a+time. Workers may not compile WebAssembly from bytes:
// the kernels are imported, compiled by the platform. The model's files are static assets of the worker; build.mjs writes their
// names in place of MODEL_FILES.

import { generate, loadModel, UsageError } from 'neuroal/runtime';
import kernels from './kernels.wasm';

/** Tokens that a client may ask for. */
const MOST_TOKENS = 400;

/** Loaded once, at the first request, and kept for as long as the platform keeps this worker. */
let loading;

async function load({ ASSETS }) {
  const file = (name) => () => ASSETS.fetch(`https://assets.local/model/${name}`);
  const files = Object.fromEntries(MODEL_FILES.map((name) => [name, file(name)]));
  const model = await loadModel(files, { kernels, threads: 1 });
  // What one request has opened, another one may not read: everything is read by the one that loads.
  await model.tokenizer();
  return model;
}

/** The one model of all requests. Those that come meanwhile wait for the first, which goes on if its client goes away. */
function modelOf(env, context) {
  if (!loading) {
    loading = load(env);
    // What failed is tried again by the next request.
    const settled = loading.catch(() => {
      loading = undefined;
    });
    context.waitUntil(settled);
  }
  return loading;
}

/** A number of the query; NaN, which `generate` refuses, where there is another text. */
const numberIn = (query, name, usual) => (query.has(name) ? Number(query.get(name) || Number.NaN) : usual);

export default {
  async fetch(request, env, context) {
    const query = new URL(request.url).searchParams;
    const prompt = query.get('prompt');
    if (!prompt) return new Response('expected ?prompt=…\n', { status: 400 });
    const options = {
      maxTokens: Math.min(numberIn(query, 'tokens', 100), MOST_TOKENS),
      temperature: numberIn(query, 'temperature', 0.8),
    };
    const { readable, writable } = new TransformStream();
    try {
      const model = await modelOf(env, context);
      // The answer begins with the text: what `generate` refuses is told instead.
      await new Promise((begin, refuse) => {
        const written = write(model, prompt, options, writable.getWriter(), request.signal, begin);
        context.waitUntil(written.catch(refuse));
      });
    } catch (error) {
      return new Response(`${error.message}\n`, { status: error instanceof UsageError ? 400 : 500 });
    }
    return new Response(readable, { headers: { 'content-type': 'text/plain; charset=utf-8' } });
  },
};

async function write(model, prompt, options, writer, signal, begin) {
  const encoder = new TextEncoder();
  // What has gone away needs no text: generation ends with the first piece that cannot be sent.
  const gone = new AbortController();
  try {
    await generate(model, prompt, {
      ...options,
      signal: AbortSignal.any([gone.signal, ...(signal ? [signal] : [])]),
      onText: (text) => {
        begin();
        writer.write(encoder.encode(text)).catch((error) => gone.abort(error));
      },
    });
    begin();
    // Which waits for the pieces under way.
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}
