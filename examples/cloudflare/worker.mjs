// A worker of Cloudflare that streams a text: GET /?prompt=Once+upon+a+time. Workers may not compile WebAssembly from bytes:
// the kernels are imported, compiled by the platform. The model's files are static assets of the worker.

import { generate, loadModel } from 'neuroal/runtime';
import kernels from './kernels.wasm';

const FILES = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

/** Loaded at the first request, and kept for as long as the platform keeps this worker. */
let model;

async function load({ ASSETS }) {
  const file = (name) => () => ASSETS.fetch(`https://assets.local/model/${name}`);
  const files = Object.fromEntries(FILES.map((name) => [name, file(name)]));
  const loaded = await loadModel(files, { kernels, threads: 1 });
  // What one request has opened, another one may not read: everything is read by the one that loads.
  await loaded.tokenizer();
  return loaded;
}

export default {
  async fetch(request, env, context) {
    const { searchParams } = new URL(request.url);
    const prompt = searchParams.get('prompt');
    if (!prompt) return new Response('expected ?prompt=…\n', { status: 400 });
    try {
      model ??= await load(env);
    } catch (error) {
      return new Response(`${error.message}\n`, { status: 500 });
    }
    const { readable, writable } = new TransformStream();
    context.waitUntil(
      write(
        prompt,
        {
          maxTokens: Number(searchParams.get('tokens') ?? 100),
          temperature: Number(searchParams.get('temperature') ?? 0.8),
        },
        writable.getWriter(),
        request.signal,
      ),
    );
    return new Response(readable, { headers: { 'content-type': 'text/plain; charset=utf-8' } });
  },
};

async function write(prompt, options, writer, signal) {
  const encoder = new TextEncoder();
  // What has gone away needs no text: generation ends with the first piece that cannot be sent.
  const gone = new AbortController();
  try {
    await generate(model, prompt, {
      ...options,
      signal: AbortSignal.any([gone.signal, ...(signal ? [signal] : [])]),
      onText: (text) => {
        writer.write(encoder.encode(text)).catch((error) => gone.abort(error));
      },
    });
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
  }
}
