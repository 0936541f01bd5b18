// The worker in which both models run, so that the page stays free: it loads them, and lets them write one after the other,
// each with the processor to itself, so that their speeds can be compared. What it is told and what it tells:
//
//   { load: { folders: { NAME: URL }, threads } }     { name, loaded, total } in bytes · { name, ready: { … } } · { loaded: true }
//   { write: { run, prompt, … } }                     { run, name, begun | text | tokensPerSecond | done } · { run, end }
//   { stop: true }                                    the same end
//
// and { failure } where anything goes wrong.

import { generate, loadModel } from 'neuroal/runtime';

const FILES = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
const WEIGHTS = 'model.safetensors';
const WARM_UP_TOKENS = 100;

const models = new Map();
let stop = new AbortController();

self.addEventListener('message', async ({ data }) => {
  try {
    if (data.load) await load(data.load);
    else if (data.write) await write(data.write);
    else if (data.stop) stop.abort();
  } catch (error) {
    postMessage({ failure: error.message });
  }
});

async function load({ folders, threads }) {
  const each = Object.entries(folders).map(async ([name, folder]) => {
    let bytes = 0;
    const file = async (file) => {
      const response = await fetch(new URL(file, folder));
      // Of an answer without the file, `loadModel` says what is wrong.
      if (file !== WEIGHTS || !response.ok) return response;
      return counted(response, (loaded, total) => {
        bytes = loaded;
        postMessage({ name, loaded, total });
      });
    };
    const model = await loadModel(Object.fromEntries(FILES.map((name) => [name, () => file(name)])), {
      threads,
      createWorker: () => new Worker(new URL('./thread.js', import.meta.url), { type: 'module' }),
    });
    // The first words of a model are slow ones, while the browser compiles what is hot: they are not for the visitor.
    await generate(model, 'Once upon a time', { maxTokens: WARM_UP_TOKENS, seed: 1 });
    models.set(name, model);
    const { parameters, engine } = model;
    postMessage({ name, ready: { bytes, zeros: zerosOf(model), parameters, engine } });
  });
  await Promise.all(each);
  postMessage({ loaded: true });
}

/** The body of a response, told as it arrives. */
function counted(response, tell) {
  const total = Number(response.headers.get('content-length')) || undefined;
  let loaded = 0;
  return response.body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        loaded += chunk.byteLength;
        tell(loaded, total);
        controller.enqueue(chunk);
      },
    }),
  );
}

/** Share of the weights of linear layers that are 0; all blocks have the same layers, but these are of different sizes. */
function zerosOf({ forms, graph }) {
  const sizes = new Map(graph.linears.map(({ name, rows, columns }) => [name, rows * columns]));
  let zeros = 0;
  let all = 0;
  for (const { name, sparsity } of forms) {
    zeros += sparsity * sizes.get(name);
    all += sizes.get(name);
  }
  return zeros / all;
}

async function write({ run, prompt, ...options }) {
  stop = new AbortController();
  const { signal } = stop;
  try {
    for (const [name, model] of [...models].sort()) {
      postMessage({ run, name, begun: true });
      // In these models a piece of text is a token.
      let pieces = 0;
      let first = 0;
      const { tokens, seconds } = await generate(model, prompt, {
        ...options,
        signal,
        onText: (text) => {
          if (pieces === 0) first = performance.now();
          else postMessage({ run, name, tokensPerSecond: (1000 * pieces) / (performance.now() - first) });
          pieces++;
          postMessage({ run, name, text });
        },
      });
      postMessage({ run, name, done: true, tokensPerSecond: tokens.length / seconds.decode });
    }
    postMessage({ run, end: 'finished' });
  } catch (error) {
    if (!signal.aborted) throw error;
    postMessage({ run, end: 'stopped' });
  }
}
