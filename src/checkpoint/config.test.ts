import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { ConfigError } from '../errors.js';
import { ConfigReader, readConfig } from './config.js';
import { readGenerationConfig } from './generation-config.js';

const folders: string[] = [];
async function folderOf(files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = await folderWith(files);
  folders.push(folder);
  return folder;
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await removeFolder(folder);
});

const reader = (raw: object) => new ConfigReader(raw as Record<string, unknown>, 'config.json');

function messageOf(ask: () => unknown): string {
  try {
    ask();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('no error');
}

describe('reading the file', () => {
  const cases: [string, Record<string, string | Uint8Array>, string][] = [
    ['none', {}, 'expected a Hugging Face model folder with a config.json, got none, in FOLDER'],
    ['an array', { 'config.json': '[]' }, 'expected a JSON object {…}, got an array, in FOLDER/config.json'],
    ['null', { 'config.json': 'null' }, 'expected a JSON object {…}, got null, in FOLDER/config.json'],
    [
      'nested without end',
      { 'config.json': '['.repeat(1e6) },
      'expected a file of valid JSON, got nesting deeper than 100, in FOLDER/config.json',
    ],
  ];
  test.each(cases)('%s', async (_, files, message) => {
    const folder = await folderOf(files);
    const error = await readConfig(folder).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message.replace(folder, 'FOLDER')).toBe(message);
  });

  test('no JSON: the words are the parser’s', async () => {
    const folder = await folderOf({ 'config.json': '{' });
    await expect(readConfig(folder)).rejects.toThrow(/^expected a file of valid JSON, got .*, in .*config\.json$/);
  });

  test('a folder in its place', async () => {
    const folder = await folderOf({});
    await (await import('node:fs/promises')).mkdir(join(folder, 'config.json'));
    await expect(readConfig(folder)).rejects.toThrow('expected a JSON file, got something that is not a file, in ');
  });
});

describe('questions', () => {
  test('a missing or null key gives the default, which may be null', () => {
    const config = reader({ a: null });
    expect(config.positiveInteger('a', 7)).toBe(7);
    expect(config.positiveInteger('b', null)).toBe(null);
    expect(config.boolean('a', true)).toBe(true);
    expect(config.text('b', 'silu')).toBe('silu');
    expect([config.isMissing('a'), config.isMissing('b')]).toEqual([true, true]);
  });

  test('a value is given as it is', () => {
    const config = reader({ n: 12, x: 1e-5, yes: false, t: 'relu', zero: 0 });
    expect(config.positiveInteger('n')).toBe(12);
    expect(config.positiveNumber('x', 1)).toBe(1e-5);
    expect(config.boolean('yes', true)).toBe(false);
    expect(config.text('t')).toBe('relu');
  });

  test.each([
    [{}, 'nothing'],
    [{ hidden_size: 0 }, '0'],
    [{ hidden_size: -1 }, '-1'],
    [{ hidden_size: 1.5 }, '1.5'],
    [{ hidden_size: 1e15 }, '1000000000000000'],
    [{ hidden_size: '48' }, '"48"'],
    [{ hidden_size: [48] }, '[48]'],
  ])('hidden_size of %j is refused', (raw, got) => {
    expect(messageOf(() => reader(raw).positiveInteger('hidden_size'))).toBe(
      `expected a whole number from 1 to 134217728 for hidden_size, got ${got}, in config.json`,
    );
  });

  test('what objects inherit is not in the file', () => {
    expect(reader({}).text('constructor', null)).toBe(null);
    expect(reader(JSON.parse('{"__proto__":{"hidden_size":4}}')).positiveInteger('hidden_size', 1)).toBe(1);
  });

  test('other refusals', () => {
    expect(messageOf(() => reader({ eps: 0 }).positiveNumber('eps', 1e-5))).toBe(
      'expected a positive number of at most 1000000000000 for eps, got 0, in config.json',
    );
    expect(messageOf(() => reader({ tie: 'yes' }).boolean('tie', false))).toBe(
      'expected true or false for tie, got "yes", in config.json',
    );
    expect(messageOf(() => reader({ act: 3 }).text('act', 'silu'))).toBe(
      'expected a text for act, got 3, in config.json',
    );
    expect(messageOf(() => reader({ layers: 2000 }).positiveInteger('layers', 2, 1000))).toBe(
      'expected a whole number from 1 to 1000 for layers, got 2000, in config.json',
    );
  });

  test('dtype in both spellings', () => {
    expect(reader({ dtype: 'bfloat16' }).dtype()).toBe('bfloat16');
    expect(reader({ torch_dtype: 'torch.float16' }).dtype()).toBe('float16');
    expect(reader({}).dtype()).toBe(null);
  });
});

describe('keys of some families', () => {
  test('where null says none', () => {
    expect(reader({}).integerOrNull('window', 4096)).toBe(4096);
    expect(reader({ window: null }).integerOrNull('window', 4096)).toBe(null);
    expect(reader({ window: 8 }).integerOrNull('window', 4096)).toBe(8);
    expect(reader({ cap: null }).numberOrNull('cap', 30)).toBe(null);
    expect(reader({}).numberOrNull('cap', 30)).toBe(30);
  });

  test('a whole number that may be 0', () => {
    expect(reader({ layers: 0 }).wholeNumber('layers', 28)).toBe(0);
    expect(messageOf(() => reader({ layers: -1 }).wholeNumber('layers', 28))).toBe(
      'expected a whole number from 0 to 134217728 for layers, got -1, in config.json',
    );
  });

  test('a list of a known length', () => {
    const isFlag = (x: unknown): x is number => x === 0 || x === 1;
    expect(reader({ flags: [0, 1] }).list('flags', 2, 'of 0 or 1', isFlag)).toEqual([0, 1]);
    expect(reader({ flags: null }).list('flags', 2, 'of 0 or 1', isFlag)).toBe(null);
    for (const flags of [[0], [0, 2], 'no'])
      expect(() => reader({ flags }).list('flags', 2, 'of 0 or 1', isFlag)).toThrow(
        'expected a list of 2 of 0 or 1 for flags',
      );
  });

  test('a value that is the only one', () => {
    reader({}).only('cross', false, 'no cross-attention');
    reader({ cross: false }).only('cross', false, 'no cross-attention');
    expect(messageOf(() => reader({ cross: true }).only('cross', false, 'no cross-attention'))).toBe(
      'expected no cross-attention (cross false), got true, in config.json',
    );
  });
});

describe('rope', () => {
  test('a set for each type of layer', () => {
    const types = ['full_attention', 'sliding_attention'] as const;
    const read = (raw: object) =>
      types.map((layerType) => reader(raw).rope({ rope_theta: 7, layerType, aliases: { rope_theta: layerType } }));
    expect(read({ rope_parameters: { full_attention: { rope_theta: 5, rope_type: 'linear' } } })).toMatchObject([
      { rope_theta: 5, rope_type: 'linear' },
      { rope_theta: 7, rope_type: 'default' },
    ]);
    // Before v5 the scaling was that of the full layers, and each type had a key of its own for theta.
    expect(read({ rope_scaling: { rope_type: 'linear' }, sliding_attention: 3 })).toMatchObject([
      { rope_theta: 7, rope_type: 'linear' },
      { rope_theta: 3, rope_type: 'default' },
    ]);
  });

  test.each([
    ['nothing', {}, 10000, 'default', 1],
    ['before v5', { rope_theta: 500000, rope_scaling: null, partial_rotary_factor: 0.4 }, 500000, 'default', 0.4],
    ['before v5, scaled', { rope_theta: 5e5, rope_scaling: { rope_type: 'llama3', factor: 8 } }, 5e5, 'llama3', 1],
    [
      'an empty old section',
      { rope_scaling: {}, rope_parameters: { rope_theta: 5e5, rope_type: 'linear' } },
      5e5,
      'linear',
      1,
    ],
    ['oldest', { rope_scaling: { type: 'linear', factor: 2 } }, 10000, 'linear', 1],
    [
      'v5',
      { rope_parameters: { rope_theta: 1e6, rope_type: 'default', partial_rotary_factor: 0.5 } },
      1e6,
      'default',
      0.5,
    ],
  ])('%s', (_, raw, rope_theta, rope_type, partial_rotary_factor) => {
    expect(reader(raw).rope({ rope_theta: 10000, partial_rotary_factor: 1 })).toMatchObject({
      rope_theta,
      rope_type,
      partial_rotary_factor,
    });
  });

  test('a share of the head, where the family turns whole ones', () => {
    for (const raw of [{ partial_rotary_factor: 0.5 }, { rope_parameters: { partial_rotary_factor: 0.5 } }])
      expect(messageOf(() => reader(raw).rope({ rope_theta: 10000 }))).toBe(
        'expected partial_rotary_factor 1, as this family turns whole heads, got 0.5, in config.json, rope_parameters',
      );
  });

  test('parameters answer for the section', () => {
    const rope = reader({ rope_scaling: { rope_type: 'llama3', factor: -8 } }).rope({ rope_theta: 10000 });
    expect(messageOf(() => rope.parameters.positiveNumber('factor'))).toBe(
      'expected a positive number of at most 1000000000000 for factor, got -8, in config.json, rope_scaling',
    );
  });

  test('a set for each type of layer, and a section that is none', () => {
    expect(messageOf(() => reader({ rope_parameters: { a: null, full_attention: {} } }).rope({ rope_theta: 1 }))).toBe(
      'expected one set of rope parameters for all layers, got a set for "full_attention", in config.json, rope_parameters',
    );
    expect(messageOf(() => reader({ rope_scaling: 'linear' }).rope({ rope_theta: 1 }))).toBe(
      'expected an object {…} for rope_scaling, got "linear", in config.json',
    );
  });
});

describe('generation_config.json', () => {
  test('comes before config.json', async () => {
    const folder = await folderOf({
      'config.json': '{"eos_token_id":2,"bos_token_id":1}',
      'generation_config.json': '{"eos_token_id":[5,6]}',
    });
    expect(await readGenerationConfig(folder)).toEqual({ bos_token_id: 1, eos_token_id: [5, 6] });
  });

  test('is optional; null and -1 mean none', async () => {
    const folder = await folderOf({ 'config.json': '{"eos_token_id":-1,"bos_token_id":null}' });
    expect(await readGenerationConfig(folder)).toEqual({ bos_token_id: null, eos_token_id: [] });
  });

  test('wrong ids are refused', async () => {
    const folder = await folderOf({ 'config.json': '{}', 'generation_config.json': '{"eos_token_id":[1,"2"]}' });
    await expect(readGenerationConfig(folder)).rejects.toThrow(
      `expected a token id or a list of them for eos_token_id, got [1,"2"], in ${join(folder, 'generation_config.json')}`,
    );
  });
});
