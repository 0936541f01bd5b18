// Frequencies of each rope type. Expected numbers: transformers 5.24, ROPE_INIT_FUNCTIONS on a LlamaConfig with head_dim 8,
// rope_theta 10000 and max_position_embeddings 32, original_max_position_embeddings 8 where the type has one.

import { describe, expect, it } from 'vitest';
import { ConfigReader } from '../checkpoint/config.js';
import { readRope } from './rope.js';

const rope = (rope_parameters: object) => {
  const config = new ConfigReader({ rope_parameters }, 'config.json');
  return readRope(config, config.rope({ rope_theta: 10000 }), { head_dim: 8, max_position_embeddings: 32 });
};

describe('frequencies', () => {
  it.each<[string, object, number, number[], number]>([
    ['default', { rope_type: 'default' }, 5, [1.0, 0.100000001, 0.00999999978, 0.00100000005], 1.0],
    ['linear', { rope_type: 'linear', factor: 4.0 }, 5, [0.25, 0.0250000004, 0.00249999994, 0.000250000012], 1.0],
    ['dynamic', { rope_type: 'dynamic', factor: 2.0 }, 32, [1.0, 0.100000001, 0.00999999978, 0.00100000005], 1.0],
    ['dynamic', { rope_type: 'dynamic', factor: 2.0 }, 33, [1.0, 0.097999461, 0.00960389432, 0.000941176491], 1.0],
    ['dynamic', { rope_type: 'dynamic', factor: 2.0 }, 50, [1.0, 0.0777822211, 0.00605007401, 0.000470588246], 1.0],
    [
      'llama3',
      {
        rope_type: 'llama3',
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8,
      },
      5,
      [0.204694852, 0.0125000002, 0.00124999997, 0.000125000006],
      1.0,
    ],
    [
      'yarn',
      { rope_type: 'yarn', factor: 4.0, original_max_position_embeddings: 8 },
      5,
      [1.0, 0.0250000004, 0.00249999994, 0.000250000012],
      1.138629436111989,
    ],
    [
      'yarn',
      {
        rope_type: 'yarn',
        factor: 4.0,
        truncate: false,
        mscale: 0.7,
        mscale_all_dim: 1.3,
        beta_fast: 16,
        beta_slow: 2,
        original_max_position_embeddings: 8,
      },
      5,
      [1.0, 0.100000001, 0.00999999978, 0.00100000005],
      0.9295234923939468,
    ],
    [
      'yarn',
      { rope_type: 'yarn', factor: 4.0, attention_factor: 1.25, original_max_position_embeddings: 8 },
      5,
      [1.0, 0.0250000004, 0.00249999994, 0.000250000012],
      1.25,
    ],
    [
      'longrope',
      {
        rope_type: 'longrope',
        short_factor: [1.0, 1.1, 1.2, 1.3],
        long_factor: [1.0, 2.0, 3.0, 4.0],
        original_max_position_embeddings: 8,
      },
      8,
      [1.0, 0.0909090936, 0.00833333284, 0.00076923077],
      1.2909944487358056,
    ],
    [
      'longrope',
      {
        rope_type: 'longrope',
        short_factor: [1.0, 1.1, 1.2, 1.3],
        long_factor: [1.0, 2.0, 3.0, 4.0],
        original_max_position_embeddings: 8,
      },
      9,
      [1.0, 0.0500000007, 0.00333333341, 0.000250000012],
      1.2909944487358056,
    ],
    [
      'longrope',
      {
        rope_type: 'longrope',
        short_factor: [1.0, 1.1, 1.2, 1.3],
        long_factor: [1.0, 2.0, 3.0, 4.0],
        original_max_position_embeddings: 8,
        factor: 16.0,
      },
      9,
      [1.0, 0.0500000007, 0.00333333341, 0.000250000012],
      1.5275252316519468,
    ],
  ])('%s in %#', (_, parameters, length, frequencies, scale) => {
    const read = rope(parameters);
    expect(read.frequencies(length)).toBeAllClose(frequencies, 0, 2e-7);
    expect(read.scale).toBeCloseTo(scale, 12);
  });
});

describe('lengths', () => {
  const longrope = { rope_type: 'longrope', short_factor: [1, 1, 1, 1], long_factor: [2, 2, 2, 2] };

  it('share frequencies where their regimes are the same', () => {
    const yarn = rope({ rope_type: 'yarn', factor: 4 });
    expect(yarn.regime(5)).toBe(yarn.regime(5000));
    const dynamic = rope({ rope_type: 'dynamic', factor: 2 });
    expect(dynamic.regime(1)).toBe(dynamic.regime(32));
    expect(new Set([32, 33, 34].map(dynamic.regime)).size).toBe(3);
    const long = rope({ ...longrope, original_max_position_embeddings: 8 });
    expect([1, 8, 9, 32].map(long.regime)).toEqual([0, 0, 1, 1]);
  });

  it('take the original context from inside the section, or from beside it in the family that has it there', () => {
    const config = new ConfigReader(
      { rope_parameters: { ...longrope, original_max_position_embeddings: 8 }, original_max_position_embeddings: 4 },
      'config.json',
    );
    const place = { head_dim: 8, max_position_embeddings: 32 };
    const read = (own: object) => readRope(config, config.rope({ rope_theta: 10000 }), { ...place, ...own });
    expect(read({}).regime(5)).toBe(0);
    expect(read({ original_max_position_embeddings: 4096 }).regime(5)).toBe(1);
    expect(rope(longrope).regime(32)).toBe(0);
  });

  it('are limited by the context, as far as the type stretches it', () => {
    expect(rope({ rope_type: 'linear', factor: 4 }).longest).toBe(32);
    expect(rope({ rope_type: 'dynamic', factor: 4 }).longest).toBe(Number.POSITIVE_INFINITY);
    // Contexts that YaRN extends may be named before or after.
    expect(rope({ rope_type: 'yarn', factor: 4 }).longest).toBe(128);
    expect(rope({ rope_type: 'yarn', factor: 4, original_max_position_embeddings: 8 }).longest).toBe(32);
  });

  it('yarn needs its factor, which may be null', () => {
    expect(() => rope({ rope_type: 'yarn' })).toThrow('for factor, got nothing');
    const stretched = rope({ rope_type: 'yarn', factor: null, original_max_position_embeddings: 8 });
    expect(stretched.frequencies(1)).toEqual(
      rope({ rope_type: 'yarn', factor: 4, original_max_position_embeddings: 8 }).frequencies(1),
    );
  });

  it('dynamic needs more than one pair', () => {
    const one = new ConfigReader({ rope_parameters: { rope_type: 'dynamic', factor: 2 } }, 'config.json');
    expect(() => readRope(one, one.rope({ rope_theta: 10000 }), { head_dim: 2, max_position_embeddings: 32 })).toThrow(
      'expected at least 4 dimensions to turn, got 2',
    );
  });
});
