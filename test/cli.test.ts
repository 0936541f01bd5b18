// The command line from outside: child processes of the built bin, their exit codes, stdout and stderr.

import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedFolder } from '../src/checkpoint/embedded.js';
import { version } from '../src/version.js';
import { startBin } from './bin.js';

/** A prune that takes a moment, and one that takes long. */
const small = ['--samples', '2', '--search-samples', '1', '--seq-len', '32', '--threads', '1'];
const long = ['--samples', '64', '--search-samples', '32', '--seq-len', '256'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroal-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = (args: readonly string[]) => startBin(args, folder);
const neuroal = (...args: string[]) => start(args).ended;
const json = async (...args: string[]) => {
  const { code, out, err } = await neuroal(...args, '--json');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
};

describe('neuroal', () => {
  it('says what it is, and its version', async () => {
    const [help, shown, ofCommand, alone] = await Promise.all([
      neuroal('--help'),
      neuroal('--version'),
      neuroal('prune', '--help'),
      neuroal(),
    ]);
    expect(help).toMatchObject({ code: 0, err: '' });
    for (const part of ['Prune a language model', 'Examples:', 'neuroal demo', 'prune', 'eval', 'doctor'])
      expect(help.out).toContain(part);
    expect(shown).toEqual({ code: 0, out: `${version}\n`, err: '' });
    expect(ofCommand).toMatchObject({ code: 0, err: '' });
    for (const option of ['--out', '--top-up', '--search-samples', '--exhaustive', '--threads', '--json'])
      expect(ofCommand.out).toContain(option);
    expect(alone).toMatchObject({ code: 2, out: '' });
    expect(alone.err).toContain('Usage: neuroal');
  });

  it.concurrent.each([
    [
      ['prnue'],
      'expected a command (demo, prune, eval, generate, chat, convert, inspect, bench, sweep, doctor), got "prnue"; did you mean prune?',
    ],
    [
      ['prune', 'm', '--sparsty', '0.5'],
      'expected an option of neuroal prune, got --sparsty; did you mean --sparsity?',
    ],
    [['eval', '-x'], 'expected an option of neuroal eval, got -x; see neuroal eval --help'],
    [['prune'], 'expected MODEL, got none; see neuroal prune --help'],
    [['prune', 'm'], 'expected --out DIR (the folder to write), got none'],
    [['prune', 'm', '--out'], 'expected --out DIR, got no value'],
    [['prune', 'm', '--out', '--json'], 'expected --out to be a file or folder, got "--json"'],
    [['inspect', 'a', 'b'], 'expected at most 1 argument of neuroal inspect, got 2'],
    [['eval', 'a', ''], 'expected MODEL to be a folder or a name on the hub, got ""'],
    [['eval', '--output', 'x'], 'expected --tasks beside --output, got none'],
    [['eval', '--num-fewshot', '1'], 'expected --tasks beside --num-fewshot, got none'],
    [['eval', '--tasks', 'rte', '--seq-len', '64'], 'expected --perplexity beside --seq-len and --tasks, got none'],
    [['eval', '--tasks', 'rte'], 'expected the folder with rte.jsonl (--data DIR), got none'],
    [
      ['eval', '--tasks', 'rte,boolqq', '--data', '.'],
      'expected tasks among arc_challenge, arc_easy, boolq, copa, hellaswag, lambada_openai, openbookqa, piqa, rte, winogrande, got "boolqq"; did you mean boolq?',
    ],
    [
      ['eval', '--tasks', 'rte', '--bos', 'non'],
      'expected --bos to be one of tokenizer, none, got "non"; did you mean none?',
    ],
    [
      ['prune', 'm', '--method', 'wnada'],
      'expected --method to be one of magnitude, wanda, multiflow, sparsegpt, admm, got "wnada"; did you mean wanda?',
    ],
    [['eval', '--backend', 'webgl'], 'expected --backend to be one of wasm, webgpu, got "webgl"; did you mean webgpu?'],
    [['prune', 'm', '--sparsity', 'abc'], 'expected --sparsity to be a number, got "abc"'],
    [['prune', 'm', '--out', 'x', '--sparsity', '1.5'], 'expected a sparsity in [0, 1), got 1.5'],
    [['prune', 'm', '--samples', '1.5'], 'expected --samples to be a whole number of 1 or more, got "1.5"'],
    [['prune', 'm', '--seed', '-1'], 'expected --seed to be a whole number of 0 or more, got "-1"'],
    [['convert'], 'expected MODEL, got none; see neuroal convert --help'],
    [['convert', 'm', '--format', 'sparse'], 'expected --out DIR (the folder to write), got none'],
    [['convert', 'm', '--out', 'x'], 'expected --format dense|sparse, got none'],
    [
      ['convert', 'm', '--out', 'x', '--format', 'spares'],
      'expected --format to be one of dense, sparse, got "spares"; did you mean sparse?',
    ],
    [
      ['convert', 'm', '--out', 'x', '--format', 'sparse', '--values', 'int4'],
      'expected --values to be one of f32, f16, bf16, int8, got "int4"; did you mean int8?',
    ],
    [
      ['convert', 'm', '--out', 'x', '--format', 'dense', '--values', 'int8'],
      'expected values f32, f16 or bf16 with format dense, got int8',
    ],
    [['sweep'], 'expected PLAN, got none; see neuroal sweep --help'],
    [['sweep', 'p.yaml'], 'expected --out DIR (the folder of the results), got none'],
    [['generate'], 'expected --prompt TEXT (the text to continue), got none'],
    [['generate', '--prompt', 'x', '--top-p', '2'], 'expected a top-p above 0 and at most 1, got 2'],
  ])('refuses %j', async (args, message) => {
    expect(await neuroal(...args)).toEqual({ code: 2, out: '', err: `neuroal: ${message}\n` });
  });

  it('fails on one line, and shows the stack when asked', async () => {
    const message =
      'neuroal: expected a Hugging Face model folder with config.json and model.safetensors, got no such folder, in ./none\n';
    const [plain, verbose, source] = await Promise.all([
      neuroal('eval', './none', '--json'),
      neuroal('eval', './none', '--verbose'),
      neuroal('eval', '--perplexity', 'none.txt'),
    ]);
    expect(plain).toEqual({ code: 1, out: '', err: message });
    expect(verbose).toMatchObject({ code: 1, out: '' });
    expect(verbose.err.slice(0, message.length)).toBe(message);
    expect(verbose.err.slice(message.length)).toMatch(/^ {4}at (refuse|locateModel)/);
    expect(source).toEqual({
      code: 1,
      out: '',
      err: 'neuroal: expected a file that can be read, got no such file, in none.txt\n',
    });
  });
});

describe('neuroal eval', () => {
  it('takes lists of sources, commas in their names, and windows of any length', async () => {
    const windows = JSON.stringify([
      [1, 403, 407, 261, 378],
      [1, 432, 383],
    ]);
    await writeFile(join(folder, 'a,b.json'), windows);
    await writeFile(join(folder, 'c.json'), windows);
    const document = await json('eval', '--perplexity', 'a,b.json,c.json', '--threads', '1');
    expect(document).toMatchObject({
      schema: 1,
      version,
      model: { source: embeddedFolder, family: 'llama', parameters: 1673344 },
      results: {},
      engine: { backend: 'wasm', threads: 1, node: process.version },
    });
    expect(Object.keys(document.perplexity)).toEqual(['a,b.json', 'c.json']);
    expect(document.perplexity['a,b.json']).toEqual(document.perplexity['c.json']);
    expect(document.perplexity['c.json']).toMatchObject({ windows: 2, seqLen: 5, tokens: 8 });
    expect(document.perplexity['c.json'].perplexity).toBe(Math.exp(document.perplexity['c.json'].nll));
    expect(Object.keys(document.seconds)).toEqual(['load', 'perplexity', 'total']);
  });

  it('takes the embedded text where none is given, and prints a table', async () => {
    const { code, out, err } = await neuroal('eval', '--limit', '2', '--seq-len', '64');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^source +perplexity +windows +tokens each\nevaluation\.txt +\d+\.\d{4} +2 +64\n$/);
  });
});

describe('neuroal eval --tasks', () => {
  const data = fileURLToPath(new URL('golden/tasks', import.meta.url));
  const asked = ['--tasks', 'rte, arc_easy', '--data', data, '--threads', '1'];

  it('prints the contract’s document, and writes the harness’s files', async () => {
    const document = await json('eval', ...asked, '--limit', '2', '--num-fewshot', '1', '--output', 'harness');
    expect(document).toMatchObject({
      schema: 1,
      model: { source: embeddedFolder },
      perplexity: {},
      results: { rte: { sample_len: 2, 'acc_stderr,none': expect.any(Number) }, arc_easy: {} },
      versions: { rte: 1, arc_easy: 1 },
      'n-shot': { rte: 1, arc_easy: 1 },
      configs: { rte: { num_fewshot: 1, metadata: { bos: 'tokenizer' } } },
      'n-samples': { rte: { original: 3, effective: 2 } },
    });
    expect(Object.keys(document.results.arc_easy)).toEqual([
      ...['name', 'alias', 'sample_len', 'acc,none', 'acc_stderr,none', 'acc_norm,none', 'acc_norm_stderr,none'],
    ]);
    expect(Object.keys(document.seconds)).toEqual(['load', 'tasks', 'total']);
    const [place] = await readdir(join(folder, 'harness'));
    const names = await readdir(join(folder, 'harness', place));
    expect(names.map((name) => name.replace(/_[^_]*$/, '')).sort()).toEqual([
      'results',
      'samples_arc_easy',
      'samples_rte',
    ]);
  });

  it('prints a table, with perplexity where that is asked for too', async () => {
    await writeFile(join(folder, 'w.json'), '[[1,403,407,261,378]]');
    const { code, out, err } = await neuroal('eval', ...asked, '--perplexity', 'w.json', '--bos', 'none');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const rows = ['rte +1 +0 +3 +acc', 'arc_easy +1 +0 +5 +acc', 'arc_easy +1 +0 +5 +acc_norm'];
    expect(out).toMatch(
      new RegExp(
        `^source .*\\nw\\.json .*\\n\\ntask +version +examples +documents +metric +value +± stderr\\n${rows.map((row) => `${row} +\\d\\.\\d{4} +\\d\\.\\d{4}\\n`).join('')}$`,
      ),
    );
  });

  it('holds models against the first one', async () => {
    const models = [embeddedFolder, embeddedFolder];
    const document = await json('eval', ...models, ...asked, '--perplexity', 'w.json');
    expect(Object.keys(document)).toEqual(['schema', 'version', 'models', 'comparisons', 'seconds']);
    expect(document.models).toHaveLength(2);
    expect(document.models[1]).toMatchObject({
      model: { source: embeddedFolder },
      results: document.models[0].results,
    });
    expect(Object.keys(document.models[1].perplexity)).toEqual(['w.json']);
    expect(document.comparisons).toHaveLength(3);
    expect(document.comparisons[0]).toEqual({
      model: embeddedFolder,
      against: embeddedFolder,
      task: 'rte',
      metric: 'acc',
      difference: 0,
      bootstrap: { low: 0, high: 0, replicates: 10_000 },
      signFlip: { p: 1, replicates: 10_000 },
      mcnemar: { onlyFirst: 0, onlySecond: 0, p: 1 },
    });
    const { out } = await neuroal('eval', ...models, ...asked);
    expect(out).toMatch(
      /^task +metric +model +value +± stderr +difference +95 % interval +p sign flip +p McNemar\nrte +acc +embedded +\d\.\d{4} +\d\.\d{4}\nrte .* \+0\.0000 +\+0\.0000 … \+0\.0000 +1\.0000 +1\.0000\n/,
    );
  });

  it('says that results cannot be written before it loads a model', async () => {
    await writeFile(join(folder, 'taken'), '');
    const { code, out, err } = await neuroal('eval', './none', ...asked, '--output', 'taken');
    expect({ code, out, err }).toEqual({
      code: 1,
      out: '',
      err: 'neuroal: expected a folder that results can be written to, got EEXIST, in taken\n',
    });
  });

  it('keeps what is finished where a later model fails', async () => {
    const broken = join(folder, 'broken');
    await cp(embeddedFolder, broken, { recursive: true });
    await rm(join(broken, 'tokenizer.json'));
    const models = [embeddedFolder, embeddedFolder, broken];
    const table = await neuroal('eval', ...models, ...asked);
    expect(table.code).toBe(1);
    expect(table.err).toMatch(/^measured: 2 of 3 models\nneuroal: expected .*broken.*\n$/);
    expect(table.out).toMatch(/^task +metric +model .*\n(.*\n){6}$/);
    expect(table.out).toMatch(/\+0\.0000 +1\.0000 +1\.0000\n$/);

    const one = await neuroal('eval', embeddedFolder, broken, ...asked);
    expect(one.out).toMatch(/^task +metric +model .*\nrte +acc +embedded .*\n(.*\n){2}$/);

    // Of JSON nothing but whole documents; the files are there.
    const document = await neuroal('eval', embeddedFolder, broken, ...asked, '--output', 'kept', '--json');
    expect({ code: document.code, out: document.out }).toEqual({ code: 1, out: '' });
    const places = await readdir(join(folder, 'kept'));
    expect(places).toHaveLength(1);
    expect(await readdir(join(folder, 'kept', places[0]))).toHaveLength(3);
  });

  it('keeps what is finished where a later model is interrupted', async () => {
    const many = join(folder, 'many');
    await mkdir(many);
    const rows = Array.from({ length: 120 }, (_, i) =>
      JSON.stringify({ sentence1: `${i} dogs ran and played. `.repeat(12), sentence2: 'Dogs ran.', label: i % 2 }),
    );
    await writeFile(join(many, 'rte.jsonl'), rows.join('\n'));
    const models = [embeddedFolder, embeddedFolder];
    const args = ['eval', ...models, '--tasks', 'rte', '--data', many, '--threads', '1', '--output', 'stopped'];
    const { child, ended } = start(args);
    // The first model's results are told as they are written.
    child.stderr.on('data', (text: string) => {
      if (text.includes('results: ')) child.kill('SIGINT');
    });
    const { code, out, err } = await ended;
    expect(code).toBe(130);
    expect(err).toMatch(/\nmeasured: 1 of 2 models\nneuroal: interrupted\n$/);
    expect(out).toMatch(/^task +metric +model .*\nrte +acc +embedded +\d\.\d{4} +\d\.\d{4}\n$/);
  });

  it('says that a later model is not there before it evaluates the first', async () => {
    expect(await neuroal('eval', embeddedFolder, './none', ...asked)).toMatchObject({
      code: 1,
      out: '',
      err: 'neuroal: expected a Hugging Face model folder with config.json and model.safetensors, got no such folder, in ./none\n',
    });
  });
});

describe('neuroal generate', () => {
  const prompt = ['generate', '--prompt', 'Once upon a time', '--max-tokens', '12', '--threads', '1'];

  it('gives the same text for the same seed', async () => {
    const [first, again, other, streamed] = await Promise.all([
      json(...prompt, '--seed', '7'),
      json(...prompt, '--seed', '7'),
      json(...prompt, '--seed', '8'),
      neuroal(...prompt, '--seed', '7'),
    ]);
    expect(again.tokens).toEqual(first.tokens);
    expect(other.tokens).not.toEqual(first.tokens);
    expect(first).toMatchObject({ promptTokens: [1, 403, 407, 261, 378], finishReason: 'length' });
    expect(first.tokens).toHaveLength(12);
    expect(Object.keys(first.seconds)).toEqual(['load', 'prefill', 'decode']);
    expect(streamed).toEqual({ code: 0, out: `${first.text}\n`, err: '' });
  });

  it('ends quietly when nobody reads on', async () => {
    const { child, ended } = start([...prompt.slice(0, 3), '--max-tokens', '400', '--temperature', '0']);
    child.stdout.once('data', () => child.stdout.destroy());
    const { code, err } = await ended;
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });
});

describe('neuroal prune', () => {
  it('prints the record that it writes', async () => {
    const out = join(folder, 'pruned');
    const record = await json('prune', embeddedFolder, '--out', out, '--exhaustive', ...small);
    expect(record).toEqual(JSON.parse(await readFile(join(out, 'neuroal.json'), 'utf8')));
    expect(record).toMatchObject({
      prune: { method: 'wanda', topUp: 'neuroal', step: 'both', sparsity: 0.7, pattern: null, granularity: 'row' },
      calibration: { windows: 2, searchWindows: 1, seqLen: 32, seed: 0 },
      engine: { threads: 1 },
    });
    const [inspection, again] = await Promise.all([
      json('inspect', out),
      neuroal('prune', embeddedFolder, '--out', out, ...small),
    ]);
    expect(inspection.layers.map((layer: { zeros: number }) => layer.zeros)).toEqual(
      record.layers.map((layer: { zeros: number }) => layer.zeros),
    );
    expect(again).toMatchObject({ code: 1, out: '' });
  });

  it.concurrent.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('leaves nothing behind after %s', async (signal, code) => {
    const parent = join(folder, signal);
    const { child, ended } = start(['prune', embeddedFolder, '--out', join(parent, 'out'), ...long]);
    const partial = async () => (await readdir(parent).catch(() => [])).some((name) => name.endsWith('.partial'));
    while (!(await partial()) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
    expect(await ended).toEqual({ code, out: '', err: 'neuroal: interrupted\n' });
    await expect(readdir(parent)).rejects.toThrow('ENOENT');
  });
});

describe('neuroal convert', () => {
  it('writes a sparse folder that every command takes, and a dense one again', async () => {
    const [dense, sparse, back] = ['c-dense', 'c-sparse', 'c-back'].map((name) => join(folder, name));
    const pruned = await json('prune', embeddedFolder, '--out', dense, '--top-up', 'uniform', ...small);
    const record = await json('convert', dense, '--out', sparse, '--format', 'sparse');
    expect(record).toMatchObject({ schema: 1, version, convert: { format: 'sparse', values: null } });
    const evaluate = (model: string) => json('eval', model, '--limit', '2', '--seq-len', '64', '--deterministic');
    const [inspection, human, again, a, b] = await Promise.all([
      json('inspect', sparse),
      neuroal('inspect', sparse),
      neuroal('convert', sparse, '--out', back, '--format', 'dense', '--quiet'),
      evaluate(dense),
      evaluate(sparse),
    ]);
    expect(b.perplexity).toEqual(a.perplexity);
    expect(inspection.bytes).toBe(record.bytes.after);
    const parts = ({ zeros, bytes }: { zeros: number; bytes: number }) => ({ zeros, bytes });
    expect(inspection.layers.map(parts)).toEqual(
      pruned.layers.map(({ zeros }: { zeros: number }, i: number) => ({ zeros, bytes: record.layers[i].bytes })),
    );
    expect(human.out).toContain("56 of the blocks' 56 linear layers are stored sparse; all of them take 1.3 MB\n");
    expect(again).toEqual({
      code: 0,
      out: [
        'llama, 1,673,344 parameters: dense, values as they are',
        '  weights  3.4 MB, from 1.4 MB',
        `  folder   ${back}\n`,
      ].join('\n'),
      err: '',
    });
    const [refused, forced] = [
      await neuroal('convert', dense, '--out', sparse, '--format', 'sparse'),
      await neuroal('convert', dense, '--out', sparse, '--format', 'sparse', '--values', 'int8', '--force'),
    ];
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('or use --force');
    expect(forced).toMatchObject({ code: 0, err: '' });
    expect(forced.out).toContain('  sparse   56 of 56 layers\n');
    expect(forced.out).toContain(`\nnote: other loaders do not read int8 values\nnext: neuroal eval ${sparse}\n`);
  });

  it('is part of prune, and says what stays dense', async () => {
    const out = join(folder, 'p-sparse');
    const few = ['--method', 'magnitude', '--top-up', 'uniform', '--sparsity', '0.02', '--format', 'sparse'];
    const record = await json('prune', embeddedFolder, '--out', out, ...few, ...small);
    expect(record).toMatchObject({ format: 'sparse', layers: Array(56).fill({ format: 'dense' }) });
    const again = [...few.slice(0, 4), '--format', 'sparse', '--force', '--quiet'];
    const { out: human } = await neuroal('prune', embeddedFolder, '--out', out, ...again, ...small);
    expect(human).toContain(`  folder   ${out}\n  sparse   56 of 56 layers\n`);
    await json('prune', embeddedFolder, '--out', out, ...few, ...small, '--force');
    const { out: text } = await neuroal('convert', out, '--out', join(folder, 'p-again'), '--format', 'sparse');
    expect(text).toContain('  sparse   0 of 56 layers\n');
    expect(text).toContain('\nnote: 56 layers stay dense, since their sparse form would not be smaller\n');
  });
});

describe('the other commands', () => {
  it('bench measures within the context of the model', async () => {
    const speed = await json('bench', '--prompt-tokens', '16', '--new-tokens', '4', '--runs', '1', '--threads', '1');
    expect(Object.keys(speed)).toEqual(['model', 'engine', 'load', 'prefill', 'decode', 'peakRssBytes', 'bytes']);
    expect(speed).toMatchObject({ prefill: { tokens: 16 }, decode: { tokens: 4 }, bytes: 3355192 });
    expect(speed.decode.tokensPerSecond).toBeGreaterThan(0);
  });

  it('bench and generate keep keys and values in bf16 where that is asked for', async () => {
    const small = ['--prompt-tokens', '16', '--new-tokens', '4', '--runs', '1', '--threads', '1'];
    expect(await json('bench', ...small, '--kv-cache', 'bf16')).toMatchObject({ kvCache: 'bf16' });
    const prompt = ['generate', '--prompt', 'Once upon a time', '--max-tokens', '6', '--temperature', '0'];
    const [exact, rounded] = [await json(...prompt), await json(...prompt, '--kv-cache', 'bf16')];
    expect(rounded.tokens).toEqual(exact.tokens);
    const { code, err } = await neuroal(...prompt, '--kv-cache', 'f16');
    expect(code).toBe(2);
    expect(err).toContain('expected --kv-cache to be one of f32, bf16, got "f16"');
  });

  it('bench measures a pruned model as it runs, and all dense beside it', async () => {
    const out = join(folder, 'benched');
    await json('prune', embeddedFolder, '--out', out, '--method', 'magnitude', '--top-up', 'uniform');
    const brief = ['--prompt-tokens', '16', '--new-tokens', '4', '--runs', '1', '--threads', '1'];
    const speed = await json('bench', out, ...brief);
    expect(speed.layers).toEqual({ sparse: 56, all: 56 });
    expect(speed.dense).toMatchObject({ prefill: { tokens: 16 }, decode: { tokens: 4 } });
    const human = await neuroal('bench', out, ...brief);
    expect(human.out).toContain('56 of 56 linear layers run as sparse matrices');
    expect(human.out).toContain('all dense');
  });

  it('eval and inspect take int8', async () => {
    const brief = ['--limit', '2', '--seq-len', '64', '--threads', '1'];
    const [stored, rounded, inspection, human] = await Promise.all([
      json('eval', ...brief),
      json('eval', '--values', 'int8', ...brief),
      json('inspect', '--values', 'int8'),
      neuroal('inspect', '--values', 'int8', '--verbose'),
    ]);
    const [before, after] = [stored, rounded].map(({ perplexity }) => perplexity['evaluation.txt'].perplexity);
    expect(after).not.toBe(before);
    expect(Math.abs(after / before - 1)).toBeLessThan(0.01);
    expect(inspection.forms).toEqual({ prefer: 'speed', values: 'int8' });
    for (const { rows, cols, runs } of inspection.layers)
      expect(runs).toEqual({ values: 'int8', sparse: false, bytes: rows * cols });
    expect(human.out).toContain('in memory they take 1.6 MB as int8; 0 of 56 run as sparse matrices');
    expect(human.out).toMatch(/q_proj +128×128 +F16 +0.0 % +32.8 kB +int8 +16.4 kB/);
  });

  it('inspect counts, doctor checks', async () => {
    const [inspection, human, doctor] = await Promise.all([json('inspect'), neuroal('inspect'), json('doctor')]);
    expect(inspection.blocks).toHaveLength(8);
    expect(human.out).toContain('llama, 1,673,344 parameters, 3.4 MB (F16)');
    expect(human.out).toContain('in memory they take 3.2 MB; 0 of 56 run as sparse matrices, where that is faster');
    expect(doctor).toMatchObject({ schema: 1, version, node: process.version });
    for (const { name, ok, needed } of doctor.checks) expect([name, ok || !needed]).toEqual([name, true]);
  });

  it('demo compares the dense model and three pruned ones', async () => {
    const { rows, samples } = await json('demo');
    expect(rows.map((row: { name: string }) => row.name)).toEqual(['dense', 'uniform', 'NeuroAL', 'ADMM']);
    const [dense, uniform, neuroal, fitted] = rows.map((row: { perplexity: number }) => row.perplexity);
    expect(dense).toBeLessThan(fitted);
    expect(1.5 * fitted).toBeLessThan(neuroal);
    expect(2 * neuroal).toBeLessThan(uniform);
    expect(samples).toHaveLength(4);
  }, 120_000);
});
