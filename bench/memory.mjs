// Peak memory of loading a model, beside the size of its file: from a folder, from a server, from a stream; and of fetching that
// file and dropping it as it comes, which is what the server's part costs without a model. Each load runs in a
// process of its own; what that process takes before it loads is subtracted. `node bench/memory.mjs [MEGABYTES [KIND …]]`
// With `--sparse SHARE` first, that share of the weights is 0 and the file is the sparse one of a dense one of MEGABYTES.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  openAsBlob,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const self = fileURLToPath(import.meta.url);
const kinds = ['folder', 'server', 'stream', 'blob', 'fetch'];

const args = process.argv.slice(2);
if (kinds.includes(args[0]) && args[1] !== undefined) await child(args[0], args[1]);
else {
  const sparsity = args[0] === '--sparse' ? Number(args.splice(0, 2)[1]) : 0;
  const [megabytes, asked] = [Number(args[0] ?? 400), args.slice(1)];
  const strange = asked.find((kind) => !kinds.includes(kind));
  if (!(megabytes > 0 && sparsity >= 0 && sparsity < 1) || strange !== undefined)
    throw new Error(
      `expected [--sparse SHARE] [MEGABYTES [${kinds.join('|')} …]], got ${process.argv.slice(2).join(' ')}`,
    );
  await parent(megabytes, asked, sparsity);
}

async function parent(megabytes, asked, sparsity) {
  const home = mkdtempSync(join(tmpdir(), 'neuroal-bench-'));
  const folder = join(home, sparsity > 0 ? 'sparse' : 'dense');
  const server = createServer((request, response) => {
    const path = join(folder, request.url);
    if (statSync(path, { throwIfNoEntry: false })) createReadStream(path).pipe(response);
    else response.writeHead(404).end();
  });
  try {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${server.address().port}`;
    await writeModel(join(home, 'dense'), megabytes, sparsity);
    if (sparsity > 0) {
      const { convert } = await import('../dist/index.js');
      await convert({ model: join(home, 'dense'), out: folder, format: 'sparse' });
    }
    const size = statSync(join(folder, 'model.safetensors')).size;
    console.log(`model.safetensors: ${(size / 1e6).toFixed(0)} MB of bf16${sparsity > 0 ? ', sparse' : ''}`);
    for (const kind of asked.length ? asked : kinds) {
      const place = kind === 'server' || kind === 'fetch' ? url : folder;
      const { stdout } = await promisify(execFile)(process.execPath, [self, kind, place]);
      const { before, peak, seconds } = JSON.parse(stdout);
      const grown = peak - before;
      console.log(
        `${kind.padEnd(7)} ${(grown / 1e6).toFixed(0).padStart(5)} MB more at the peak, ${(grown / size).toFixed(2)} of the file, ` +
          `in ${seconds.toFixed(1)} s; ${(peak / 1e6).toFixed(0)} MB in all`,
      );
    }
  } finally {
    server.close();
    rmSync(home, { recursive: true });
  }
}

/** Loads the model one way; prints the resident bytes before, and at the peak. */
async function child(kind, folder) {
  const { loadModel } = await import('../dist/runtime/index.js');
  const file = (name) => Readable.toWeb(createReadStream(join(folder, name)));
  const sources = {
    folder: async () => folder,
    server: async () => folder,
    stream: async () => ({ 'config.json': file('config.json'), 'model.safetensors': file('model.safetensors') }),
    blob: async () => {
      return {
        'config.json': await openAsBlob(join(folder, 'config.json')),
        'model.safetensors': await openAsBlob(join(folder, 'model.safetensors')),
      };
    },
  };
  const source = await sources[kind]?.();
  const before = process.memoryUsage().rss;
  const started = performance.now();
  const model = source === undefined ? null : await loadModel(source);
  if (!model) for await (const _ of (await fetch(`${folder}/model.safetensors`)).body);
  const seconds = (performance.now() - started) / 1000;
  const peak = process.resourceUsage().maxRSS * 1024;
  await model?.logits([1, 2, 3]);
  await model?.dispose();
  console.log(JSON.stringify({ before, peak, seconds }));
}

/** A Llama of about so many megabytes, with random weights of bf16, some of them 0. */
async function writeModel(folder, megabytes, sparsity) {
  mkdirSync(folder);
  const [vocab_size, hidden_size, intermediate_size] = [8192, 1024, 2752];
  const inBlock = { self_attn: ['q_proj', 'k_proj', 'v_proj', 'o_proj'], mlp: ['gate_proj', 'up_proj', 'down_proj'] };
  const block = 4 * hidden_size ** 2 + 3 * hidden_size * intermediate_size;
  const num_hidden_layers = Math.max(1, Math.round((megabytes * 5e5 - vocab_size * hidden_size) / block));
  const config = {
    ...{ model_type: 'llama', vocab_size, hidden_size, intermediate_size, num_hidden_layers },
    ...{ num_attention_heads: 16, max_position_embeddings: 512, tie_word_embeddings: true, torch_dtype: 'bfloat16' },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const shapes = { 'model.embed_tokens.weight': [vocab_size, hidden_size], 'model.norm.weight': [hidden_size] };
  for (let b = 0; b < num_hidden_layers; b++) {
    const prefix = `model.layers.${b}.`;
    shapes[`${prefix}input_layernorm.weight`] = [hidden_size];
    shapes[`${prefix}post_attention_layernorm.weight`] = [hidden_size];
    for (const name of inBlock.self_attn) shapes[`${prefix}self_attn.${name}.weight`] = [hidden_size, hidden_size];
    for (const name of inBlock.mlp)
      shapes[`${prefix}mlp.${name}.weight`] =
        name === 'down_proj' ? [hidden_size, intermediate_size] : [intermediate_size, hidden_size];
  }
  let at = 0;
  const header = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = 2 * shape.reduce((a, b) => a * b);
    header[name] = { dtype: 'BF16', shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const out = createWriteStream(join(folder, 'model.safetensors'));
  const write = async (bytes) => out.write(bytes) || once(out, 'drain');
  await write(Buffer.concat([length, json]));
  // Small numbers of either sign: a sign, an exponent of about 2^-6, any mantissa.
  const noise = Uint16Array.from({ length: 1 << 19 }, () =>
    Math.random() < sparsity ? 0 : ((Math.random() * 2) << 15) | 0x3c00 | (Math.random() * 128),
  );
  for (let left = at; left > 0; left -= noise.byteLength)
    await write(Buffer.from(noise.buffer, 0, Math.min(left, noise.byteLength)));
  await new Promise((resolve) => out.end(resolve));
}
