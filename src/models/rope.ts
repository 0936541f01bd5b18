// Rotary positions: cos and sin of position × frequency, with the frequencies of transformers' rope types, in the f32
// steps that transformers takes. Two types change their frequencies with the length of the sequence.

import type { Backend } from '../backend/backend.js';
import type { ConfigReader, RopeConfig } from '../checkpoint/config.js';
import { ConfigError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';

export interface Rope {
  /** Dimensions of each head that turn; even. */
  rotaryDim: number;
  /** Factor on cos and sin. */
  scale: number;
  /** Frequencies [rotaryDim/2] in a sequence of `length` tokens. */
  frequencies(length: number): Float32Array;
  /** Lengths with the same number here have the same frequencies. */
  regime(length: number): number;
  /** Most tokens of a sequence. */
  longest: number;
}

/** What a rope type is made of. */
interface Parts {
  theta: number;
  rotaryDim: number;
  max_position_embeddings: number;
  /** theta^(−2i/rotaryDim). */
  base: Float32Array;
  parameters: ConfigReader;
  /** Context of the model before it was extended. */
  original: number;
}

const { fround } = Math;
/** A type whose frequencies are the same for every length. */
const fixed = ({ rotaryDim, max_position_embeddings: longest }: Parts, frequencies: Float32Array): Rope => ({
  ...{ rotaryDim, scale: 1, longest },
  frequencies: () => frequencies,
  regime: () => 0,
});

/** Powers theta^(2i/n) for i < n/2. */
const powers = (theta: number, n: number) =>
  Float32Array.from({ length: n / 2 }, (_, i) => theta ** fround((2 * i) / n));

const types = new Map<string, (parts: Parts) => Rope>([
  ['default', (parts) => fixed(parts, parts.base)],
  [
    'linear',
    (parts) => {
      const factor = parts.parameters.positiveNumber('factor');
      return fixed(
        parts,
        parts.base.map((f) => f / factor),
      );
    },
  ],
  ['dynamic', dynamic],
  ['llama3', llama3],
  ['yarn', yarn],
  ['longrope', longrope],
]);

/** NTK scaling: beyond max_position_embeddings theta grows with the sequence. */
function dynamic({ theta, rotaryDim, base, parameters, max_position_embeddings: most }: Parts): Rope {
  const factor = parameters.positiveNumber('factor');
  if (rotaryDim < 4)
    throw new ConfigError({ expected: 'at least 4 dimensions to turn', got: `${rotaryDim}`, where: parameters.where });
  const frequencies = (length: number) => {
    if (length <= most) return base;
    const stretch = fround(fround((factor * length) / most) - (factor - 1));
    return powers(fround(theta * stretch ** (rotaryDim / (rotaryDim - 2))), rotaryDim).map((p) => 1 / p);
  };
  const regime = (length: number) => Math.max(length, most);
  return { rotaryDim, scale: 1, longest: Number.POSITIVE_INFINITY, frequencies, regime };
}

/** Llama 3.1: slow frequencies are divided by `factor`, fast ones kept, those between blended by their wavelength. */
function llama3(parts: Parts): Rope {
  const { base, parameters, original } = parts;
  const factor = parameters.positiveNumber('factor');
  const low = parameters.positiveNumber('low_freq_factor');
  const high = parameters.positiveNumber('high_freq_factor');
  if (!(high > low))
    throw new ConfigError({
      expected: 'high_freq_factor above low_freq_factor',
      got: `${high} and ${low}`,
      where: parameters.where,
    });
  const frequencies = base.map((f) => {
    const wavelength = (2 * Math.PI) / f;
    if (wavelength < original / high) return f;
    if (wavelength > original / low) return f / factor;
    const smooth = (original / wavelength - low) / (high - low);
    return ((1 - smooth) * f) / factor + smooth * f;
  });
  return fixed(parts, frequencies);
}

/** YaRN (arXiv 2309.00071): dimensions that turn often are kept, slow ones divided by `factor`, with a ramp between. */
function yarn(parts: Parts): Rope {
  const { theta, rotaryDim, base, parameters, original, max_position_embeddings } = parts;
  // Written as null, but not left out, it is how much longer the context has become.
  const ratio = parameters.raw.factor === null ? max_position_embeddings / original : undefined;
  const factor = parameters.positiveNumber('factor', ratio);
  const mscale = (weight: number) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const [own, all] = [parameters.positiveNumber('mscale', null), parameters.positiveNumber('mscale_all_dim', null)];
  const inferred = own !== null && all !== null ? mscale(own) / mscale(all) : mscale(1);
  /** The dimension that turns this often within the original context. */
  const dimension = (turns: number) => (rotaryDim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  let low = dimension(parameters.positiveNumber('beta_fast', 32));
  let high = dimension(parameters.positiveNumber('beta_slow', 1));
  if (parameters.boolean('truncate', true)) [low, high] = [Math.floor(low), Math.ceil(high)];
  low = Math.max(low, 0);
  high = Math.min(high, rotaryDim - 1);
  if (low === high) high += 0.001;
  const frequencies = base.map((f, i) => {
    const slow = Math.min(Math.max((i - low) / (high - low), 0), 1);
    return (f / factor) * slow + f * (1 - slow);
  });
  return {
    ...fixed(parts, frequencies),
    scale: parameters.positiveNumber('attention_factor', inferred),
    // Files that were given YaRN later still have the context of before.
    longest: Math.max(max_position_embeddings, Math.floor(factor * original)),
  };
}

/** LongRoPE (arXiv 2402.13753): each frequency has a factor of its own, another one beyond the original context. */
function longrope({ theta, rotaryDim, parameters, original, max_position_embeddings }: Parts): Rope {
  const isFactor = (x: unknown): x is number => typeof x === 'number' && x > 0 && x < 1e12;
  const factors = (key: string) => {
    const list = parameters.list(key, rotaryDim / 2, 'positive numbers', isFactor);
    if (list) return powers(theta, rotaryDim).map((p, i) => 1 / fround(p * fround(list[i])));
    throw new ConfigError({ expected: `a list ${key}`, got: 'none', where: parameters.where });
  };
  const [short, long] = [factors('short_factor'), factors('long_factor')];
  const factor = parameters.positiveNumber('factor', max_position_embeddings / original);
  const inferred = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  const isLong = (length: number) => length > original;
  return {
    ...{ rotaryDim, scale: parameters.positiveNumber('attention_factor', inferred), longest: max_position_embeddings },
    frequencies: (length) => (isLong(length) ? long : short),
    regime: (length) => (isLong(length) ? 1 : 0),
  };
}

export interface RopePlace {
  head_dim: number;
  max_position_embeddings: number;
  /** Of a family whose key of that name stands beside the section: its default. Elsewhere it stands inside. */
  original_max_position_embeddings?: number;
}

/**
 * The rotary embedding that config.json describes.
 * @throws ConfigError for a rope type that is not known, or parameters that it cannot work with
 */
export function readRope(config: ConfigReader, rope: RopeConfig, place: RopePlace): Rope {
  const { rope_theta: theta, rope_type, partial_rotary_factor, parameters } = rope;
  const { head_dim, max_position_embeddings } = place;
  const make = types.get(rope_type);
  if (!make)
    throw new ConfigError({
      expected: `rope_type ${[...types.keys()].join(', ')}`,
      got: JSON.stringify(rope_type),
      where: parameters.where,
    });
  const rotaryDim = Math.trunc(head_dim * partial_rotary_factor);
  if (rotaryDim < 2 || rotaryDim % 2 !== 0)
    throw new ConfigError({
      expected: 'an even number of dimensions to turn (head_dim × partial_rotary_factor)',
      got: `${head_dim} × ${partial_rotary_factor}`,
      where: parameters.where,
    });
  const key = 'original_max_position_embeddings';
  const inside = parameters.positiveInteger(key, max_position_embeddings);
  return make({
    ...{ theta, rotaryDim, parameters, max_position_embeddings },
    base: powers(theta, rotaryDim).map((p) => 1 / p),
    original: place[key] === undefined ? inside : config.positiveInteger(key, place[key]),
  });
}

/** Adds the tables `NAME.cos` and `NAME.sin`, each [rows, rotaryDim/2], of a sequence of `length` tokens. */
export function ropeTables(
  backend: Backend,
  name: string,
  rope: Rope,
  rows: number,
  length: number,
  tables: Map<string, Tensor<'f32'>>,
): void {
  const frequencies = rope.frequencies(length);
  const n = frequencies.length;
  const add = (of: 'cos' | 'sin') => {
    const values = new Float32Array(rows * n);
    for (let t = 0; t < rows; t++)
      for (let i = 0; i < n; i++) values[t * n + i] = fround(Math[of](fround(t * frequencies[i]))) * rope.scale;
    const tensor = backend.allocate('f32', [rows, n]);
    tables.set(`${name}.${of}`, tensor);
    backend.write(tensor, values);
  };
  add('cos');
  add('sin');
}
