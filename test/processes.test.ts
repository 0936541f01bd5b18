// What only a process of its own can show: that a program which forgets dispose() ends, and that one thread means one
// thread, without a pool, a worker or a byte of shared memory (some hosts forbid it). Runs what is built in dist/.

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const library = new URL('../dist/index.js', import.meta.url).href;
/** What the library does not name. */
const internals = new URL('../dist/internals.js', import.meta.url).href;

function run(program: string): { status: number | null; stdout: string; stderr: string } {
  const args = ['--input-type=module', '--eval', program];
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
}

describe('a program that forgets dispose()', () => {
  it.each([1, 2, 4])('exits by itself (%i threads)', (threads) => {
    const { status, stdout, stderr } = run(`
      import { loadModel } from ${JSON.stringify(library)};
      const model = await loadModel(undefined, { threads: ${threads} });
      const logits = await model.logits(Array.from({ length: 300 }, (_, i) => 3 + i));
      console.log(logits.length);
    `);
    expect(stderr).toBe('');
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${300 * 512}\n` });
  });

  it('exits by itself when the model was never used', () => {
    const { status, stderr } = run(`
      import { loadModel } from ${JSON.stringify(library)};
      await loadModel(undefined, { threads: 3 });
    `);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('exits with the error that it died of', () => {
    const { status, stderr } = run(`
      import { loadModel } from ${JSON.stringify(library)};
      const model = await loadModel(undefined, { threads: 2 });
      await model.logits([1, 2, 3]);
      throw new Error('of its own');
    `);
    expect(status).toBe(1);
    expect(stderr).toContain('of its own');
  });
});

it('the threads of a team start, of which one that cannot would only be warned', () => {
  const { stdout, stderr } = run(`
    import { loadModel } from ${JSON.stringify(library)};
    const events = [];
    let started;
    const all = new Promise((resolve) => { started = resolve; });
    process.on('worker', (worker) => {
      worker.on('online', () => events.push('online') === 2 && started());
      worker.on('error', (error) => { events.push(error.message); started(); });
    });
    const model = await loadModel(undefined, { threads: 3 });
    // Threads keep no program from ending.
    const awake = setInterval(() => {}, 1000);
    await all;
    clearInterval(awake);
    await model.logits([1, 2, 3]);
    await model.dispose();
    console.log(events.join());
  `);
  expect({ stdout, stderr }).toEqual({ stdout: 'online,online\n', stderr: '' });
});

/** Forbids the pool and shared memory, then prunes, loads, evaluates and generates. */
const everything = (threads: number) => `
  import { register } from 'node:module';
  import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
  import { tmpdir } from 'node:os';
  import { join } from 'node:path';
  register('data:text/javascript,' + encodeURIComponent(\`
    export async function resolve(specifier, context, next) {
      if (specifier === 'piscina') throw new Error('imported ' + specifier);
      return next(specifier, context);
    }
  \`));
  delete globalThis.SharedArrayBuffer;
  const { Memory } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor) {
      if (descriptor.shared) throw new Error('shared memory');
      super(descriptor);
    }
  };
  const { generate, loadModel, perplexity, prune } = await import(${JSON.stringify(library)});
  const home = mkdtempSync(join(tmpdir(), 'neuroal-test-'));
  try {
    const windows = join(home, 'windows.json');
    writeFileSync(windows, JSON.stringify([[1, 403, 407, 261, 378, 432, 383, 286], [1, 403, 407, 261, 378, 432, 383, 286]]));
    await prune({ out: join(home, 'out'), calibration: windows, step: 'row', searchSamples: 1, threads: ${threads} });
    const model = await loadModel(join(home, 'out'), { threads: ${threads} });
    await perplexity(model, windows);
    await generate(model, 'Once', { maxTokens: 3 });
    await model.dispose();
    console.log('done');
  } finally {
    rmSync(home, { recursive: true });
  }
`;

describe('one thread', () => {
  it('needs no pool and no shared memory for anything', () => {
    const { status, stdout, stderr } = run(everything(1));
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: 'done\n',
      stderr: expect.not.stringContaining('Error'),
    });
  });

  it('and two do need them: the same program fails', () => {
    const { status, stderr } = run(everything(2));
    expect(status).toBe(1);
    expect(stderr).toMatch(/imported piscina|shared memory|SharedArrayBuffer/);
  });
});

it('threads that tokenize are found and started', () => {
  const { status, stdout, stderr } = run(`
    import { embeddedFolder } from ${JSON.stringify(library)};
    import { loadTokenizer } from ${JSON.stringify(internals)};
    let started = 0;
    process.on('worker', () => started++);
    const tokenizer = await loadTokenizer(embeddedFolder);
    const text = 'Once upon a time there was a dog. '.repeat(200);
    const ids = await tokenizer.encodeLong(text, { threads: 2, partLength: 1000, lengthForThreads: 1 });
    console.log(started > 0, String(ids) === String(tokenizer.encode(text)));
  `);
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'true true\n', stderr: '' });
});
