// A stand-in for the runtime of Cloudflare's workers: node
// --disallow-code-generation-from-strings stand-in.mjs FOLDER runs FOLDER/worker.mjs and prints, as JSON, what
// it refuses and what the worker answers. kernels.wasm is imported as a compiled module; then nothing compiles bytes.

import { readFile } from 'node:fs/promises';
import { register } from 'node:module';

const folder = process.argv[2];

// Modules are loaded by hooks: the kernels as what the platform has compiled, and none of Node for the worker's own.
globalThis.kernelsOfStandIn = await WebAssembly.compile(await readFile(`${folder}/kernels.wasm`));
const hooks = `
  export async function resolve(name, context, next) {
    if (name.startsWith('node:')) throw new Error('workers have no ' + name);
    if (name === './kernels.wasm')
      return { url: 'data:text/javascript,export default globalThis.kernelsOfStandIn', shortCircuit: true };
    return next(name, context);
  }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

// What Node's own Request is made of compiles bytes too: it may do so now.
new Request('https://example.com');

const refuse = () => {
  throw new Error('workers compile no WebAssembly from bytes');
};
const asynchronously = async () => refuse();
const { instantiate } = WebAssembly;
WebAssembly.compile = asynchronously;
WebAssembly.compileStreaming = asynchronously;
WebAssembly.instantiateStreaming = asynchronously;
WebAssembly.instantiate = async (code, imports) =>
  code instanceof WebAssembly.Module ? instantiate(code, imports) : refuse();
WebAssembly.Module = new Proxy(WebAssembly.Module, { construct: refuse });

const message = async (call) => {
  try {
    await call();
    return 'nothing is refused';
  } catch (error) {
    return error.message;
  }
};
const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const refused = {
  compile: await message(() => WebAssembly.compile(bytes)),
  instantiate: await message(() => WebAssembly.instantiate(bytes)),
  Module: await message(() => new WebAssembly.Module(bytes)),
  Function: await message(() => new Function('return 1')),
  node: await message(() => import('node:fs')),
};

// A worker has none of these. Nor has it a Buffer, which Node's own Response would miss.
const { stdout } = process;
for (const name of ['process', 'setImmediate', 'SharedArrayBuffer']) delete globalThis[name];

const { default: worker } = await import(`${folder}/worker.mjs`);
const asked = [];
let failing = true;
const ASSETS = {
  fetch: async (url) => {
    const { pathname } = new URL(url);
    if (failing) return new Response('', { status: 503 });
    asked.push(pathname);
    return new Response(await readFile(`${folder}/assets${pathname}`));
  },
};
const waited = [];
const context = { waitUntil: (promise) => waited.push(promise) };
const ask = (query) => worker.fetch(new Request(`https://example.com/${query}`), { ASSETS }, context);

const answerTo = async (query) => {
  const response = await ask(query);
  return [response.status, await response.text()];
};

const failed = await answerTo('?prompt=Once');
failing = false;
const story = (tokens) => answerTo(`?prompt=Once+upon+a+time&tokens=${tokens}&temperature=0`);
const atOnce = await Promise.all([story(12), story(12), story(12)]);
const refusals = [];
for (const query of ['', '?prompt=Once&tokens=abc', '?prompt=Once&tokens=', '?prompt=Once&temperature=-1'])
  refusals.push(await answerTo(query));
const lengths = [];
for (const tokens of [399, 400, 401]) lengths.push((await story(tokens))[1].length);
await Promise.all(waited);
stdout.write(JSON.stringify({ refused, failed, atOnce, asked: asked.sort(), refusals, lengths }));
