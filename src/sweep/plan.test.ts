// Plans word by word: what they may say, and what is said of everything else.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { DataError, UsageError } from '../errors.js';
import { checkedPlan, readPlan } from './plan.js';
import { planOptions } from './plan-options.js';

let folder: string;
beforeEach(async () => {
  folder = await folderWith();
});
afterEach(() => removeFolder(folder));

/** Reads a plan of this text; messages call the file FILE. */
async function read(text: string | Uint8Array, name = 'plan.yaml') {
  const home = await folderWith({ [name]: text });
  const file = join(home, name);
  try {
    return await readPlan(file);
  } catch (error) {
    (error as Error).message = (error as Error).message.replaceAll(file, 'FILE');
    throw error;
  } finally {
    await removeFolder(home);
  }
}

const refusal = (text: string | Uint8Array) =>
  read(text).then(
    () => expect.unreachable(),
    (error: Error) => error,
  );

const keys = `models, grid, evaluation, skipRefused, ${planOptions.join(', ')}`;
const optionNames = planOptions.join(', ');

describe('a plan', () => {
  it('is read from YAML', async () => {
    const plan = await read(`
# common to all
models: [embedded, ../m]
sparsity: [0.6, 0.7]
seed: 3
grid:
  - { method: [magnitude, wanda], topUp: uniform }
  - pattern: [2:4, 4:8]
    exhaustive: true
evaluation: { source: [embedded, ptb=p.txt], seqLen: 64, limit: 2 }
skipRefused: true
`);
    expect(plan).toMatchObject({
      models: ['embedded', '../m'],
      sets: [
        { method: ['magnitude', 'wanda'], topUp: ['uniform'], sparsity: [0.6, 0.7], seed: [3] },
        { pattern: ['2:4', '4:8'], exhaustive: [true], seed: [3] },
      ],
      evaluation: { sources: ['embedded', 'ptb=p.txt'], seqLen: 64, limit: 2 },
      skipRefused: true,
    });
    expect(plan.sets[1]).not.toHaveProperty('sparsity');
  });

  it('is read from JSON, indented by tabs too', async () => {
    const plan = await read('{\n\t"models": "embedded",\n\t"grid": [{\n\t\t"sparsity": 0.5 }]\n}', 'plan.json');
    expect(plan).toMatchObject({ models: ['embedded'], sets: [{ sparsity: [0.5] }], skipRefused: false });
  });

  it('needs nothing but models', () => {
    expect(checkedPlan({ models: 'embedded' }, 'the plan', '.')).toEqual({
      where: 'the plan',
      folder: '.',
      models: ['embedded'],
      sets: [{}],
      evaluation: { sources: ['embedded'], seqLen: undefined, limit: undefined },
      skipRefused: false,
    });
  });

  it('names each model once', () => {
    expect(checkedPlan({ models: ['a', 'b', 'a'] }, '', '.').models).toEqual(['a', 'b']);
  });

  it.each([
    [{ sparsity: [0.6, 0.7] }, { pattern: '2:4' }, { pattern: ['2:4'] }],
    [{ pattern: '2:4' }, { sparsity: 0.5 }, { sparsity: [0.5] }],
    [{ pattern: '2:4' }, { pattern: '1:4', sparsity: 0.25 }, { pattern: ['1:4'], sparsity: [0.25] }],
    [{ sparsity: 0.6 }, { sparsity: 0.8 }, { sparsity: [0.8] }],
    [{ sparsity: 0.6, seed: 1 }, { seed: [2, 3] }, { sparsity: [0.6], seed: [2, 3] }],
  ])('with %j and a set %j has the options %j', (common, own, joined) => {
    expect(checkedPlan({ models: 'm', ...common, grid: [own] }, '', '.').sets).toEqual([joined]);
  });

  it.each([
    ['# nothing', 'expected a plan (models and options), got null, in FILE'],
    ['[1]', 'expected a plan (models and options), got a list, in FILE'],
    ['some text', 'expected a plan (models and options), got "some text", in FILE'],
    ['sparsity: 0.5', 'expected models to be folders, names on the Hub, or embedded, got nothing, in FILE'],
    ['models: 3', 'expected models to be folders, names on the Hub, or embedded, got 3, in FILE'],
    ['models: [""]', 'expected models to be folders, names on the Hub, or embedded, got "", in FILE'],
    [
      'models: []',
      'expected models to be folders, names on the Hub, or embedded, or a list of such, got an empty list, in FILE',
    ],
    ['models: m\nsparsty: 0.5', `expected one of ${keys}, got "sparsty"; did you mean sparsity?, in FILE`],
    ['models: m\ntop-up: owl', `expected one of ${keys}, got "top-up"; did you mean topUp?, in FILE`],
    ['models: m\nout: x', `expected one of ${keys}, got "out", in FILE`],
    ['models: m\n__proto__: {}', `expected one of ${keys}, got "__proto__", in FILE`],
    ['models: m\nsparsity: "0.5"', 'expected sparsity to be a number, got "0.5", in FILE'],
    ['models: m\nsparsity: .nan', 'expected sparsity to be a number, got NaN, in FILE'],
    ['models: m\nsparsity: [0.5, x]', 'expected sparsity to be a number, got "x", in FILE'],
    ['models: m\nsparsity: [[0.5]]', 'expected sparsity to be a number, got a list, in FILE'],
    ['models: m\nsparsity: &a [*a]', 'expected sparsity to be a number, got a list, in FILE'],
    ['models: m\nseed:', 'expected seed to be a whole number of 0 or more, got null, in FILE'],
    ['models: m\nseed: -1', 'expected seed to be a whole number of 0 or more, got -1, in FILE'],
    ['models: m\nsamples: 0', 'expected samples to be a whole number of 1 or more, got 0, in FILE'],
    ['models: m\nsamples: 1.5', 'expected samples to be a whole number of 1 or more, got 1.5, in FILE'],
    ['models: m\nseqLen: 1', 'expected seqLen to be a whole number of 2 or more, got 1, in FILE'],
    ['models: m\nexhaustive: yes', 'expected exhaustive to be true or false, got "yes", in FILE'],
    ['models: m\nmethod: { a: 1 }', 'expected method to be a word, got a mapping, in FILE'],
    ['models: m\ncalibration: []', 'expected calibration to be a file, or a list of such, got an empty list, in FILE'],
    ['models: m\ngrid: []', 'expected grid to be a list of option sets, got an empty list, in FILE'],
    ['models: m\ngrid: {}', 'expected grid to be a list of option sets, got a mapping, in FILE'],
    [
      'models: m\ngrid: [{}, wanda]',
      'expected an option set (such as { method: wanda }), got "wanda", in FILE, set 2 of the grid',
    ],
    [
      'models: m\ngrid: [{}, { mehtod: wanda }]',
      `expected one of ${optionNames}, got "mehtod"; did you mean method?, in FILE, set 2 of the grid`,
    ],
    ['models: m\ngrid: [{ models: x }]', `expected one of ${optionNames}, got "models", in FILE, set 1 of the grid`],
    [
      'models: m\ngrid: [{ seed: x }]',
      'expected seed to be a whole number of 0 or more, got "x", in FILE, set 1 of the grid',
    ],
    ['models: m\nevaluation:', 'expected a mapping of source, seqLen and limit, got null, in FILE, evaluation'],
    [
      'models: m\nevaluation: { limt: 3 }',
      'expected one of source, seqLen, limit, got "limt"; did you mean limit?, in FILE, evaluation',
    ],
    [
      'models: m\nevaluation: { limit: 0 }',
      'expected limit to be a whole number of 1 or more, got 0, in FILE, evaluation',
    ],
    [
      'models: m\nevaluation: { seqLen: [64] }',
      'expected seqLen to be a whole number of 2 or more, got a list, in FILE, evaluation',
    ],
    ['models: m\nskipRefused: 1', 'expected skipRefused to be true or false, got 1, in FILE'],
  ])('is refused: %j', async (text, message) => {
    const error = await refusal(text);
    expect(error.message).toBe(message);
    expect(error).toBeInstanceOf(UsageError);
  });

  it.each([
    ['models: m\nmodels: n', 'Map keys must be unique at line 2, column 1'],
    [
      'models: [m\nseed: 1',
      'Flow sequence in block collection must be sufficiently indented and end with a ] at line 2, column 1',
    ],
    ['models: m\n---\nmodels: n', 'several documents'],
    ['models: !here m', 'Unresolved tag: !here at line 1, column 9'],
    ['? [1]\n: 2', 'With stringKeys, all keys must be strings at line 1, column 3'],
    ['models: *m', 'Unresolved alias (the anchor must be set before the alias): m'],
    [
      `a: &a [${'x,'.repeat(20)}]\nb: &b [${'*a,'.repeat(20)}]\nc: [${'*b,'.repeat(20)}]`,
      'Excessive alias count indicates a resource exhaustion attack',
    ],
  ])('in bad YAML is refused: %j', async (text, got) => {
    const error = await refusal(text);
    expect(error.message).toBe(`expected a plan in YAML or JSON, got ${got}, in FILE`);
    expect(error).toBeInstanceOf(UsageError);
  });

  it('is not read where it is no file of text, or a large one', async () => {
    const large = await refusal(`models: m #${'x'.repeat(1024 * 1024)}`);
    expect(large.message).toBe('expected a plan of at most 1048576 bytes, got 1048587, in FILE');
    expect(large).toBeInstanceOf(UsageError);
    const binary = await refusal(Uint8Array.of(0xff, 0xfe));
    expect(binary.message).toBe('expected text in UTF-8, got bytes that are not, in FILE');
    const empty = await refusal('');
    expect(empty.message).toBe('expected a file with text, got an empty file, in FILE');
    await mkdir(join(folder, 'sub'));
    for (const [name, got] of [
      ['none.yaml', 'no such file'],
      ['sub', 'a folder'],
    ])
      await expect(readPlan(join(folder, name))).rejects.toThrow(new RegExp(`^expected a file.*, got ${got}, in `));
    await expect(readPlan(join(folder, 'none.yaml'))).rejects.toThrow(DataError);
  });
});
