// Rotary position tables: cos and sin of position × frequency, with the frequencies of transformers' rope types, in the
// f32 steps that transformers takes.

import type { Backend } from '../backend/backend.js';
import type { ConfigReader, RopeConfig } from '../checkpoint/config.js';
import { ConfigError } from '../errors.js';
import type { Weights } from './graph.js';

type Frequencies = (base: Float32Array, parameters: ConfigReader) => Float32Array;

/** How each rope_type changes the frequencies theta^(−2i/headDim). */
const types = new Map<string, Frequencies>([
  ['default', (base) => base],
  [
    'linear',
    (base, parameters) => {
      const factor = parameters.positiveNumber('factor');
      return base.map((f) => f / factor);
    },
  ],
  ['llama3', llama3],
]);

/** Llama 3.1: slow frequencies are divided by `factor`, fast ones kept, those between blended by their wavelength. */
function llama3(base: Float32Array, parameters: ConfigReader): Float32Array {
  const factor = parameters.positiveNumber('factor');
  const low = parameters.positiveNumber('low_freq_factor');
  const high = parameters.positiveNumber('high_freq_factor');
  const original = parameters.positiveInteger('original_max_position_embeddings');
  if (!(high > low))
    throw new ConfigError({
      expected: 'high_freq_factor above low_freq_factor',
      got: `${high} and ${low}`,
      where: parameters.where,
    });
  return base.map((f) => {
    const wavelength = (2 * Math.PI) / f;
    if (wavelength < original / high) return f;
    if (wavelength > original / low) return f / factor;
    const smooth = (original / wavelength - low) / (high - low);
    return ((1 - smooth) * f) / factor + smooth * f;
  });
}

/** Frequencies [headDim/2] of the rotary embedding that config.json describes. */
export function ropeFrequencies(rope: RopeConfig, headDim: number): Float32Array {
  const change = types.get(rope.rope_type);
  if (!change)
    throw new ConfigError({
      expected: `rope_type ${[...types.keys()].join(', ')}`,
      got: JSON.stringify(rope.rope_type),
      where: rope.parameters.where,
    });
  if (rope.partial_rotary_factor !== 1)
    throw new ConfigError({
      expected: 'partial_rotary_factor 1',
      got: String(rope.partial_rotary_factor),
      where: rope.parameters.where,
    });
  const base = Float32Array.from({ length: headDim / 2 }, (_, i) =>
    Math.fround(1 / Math.fround(rope.rope_theta ** Math.fround((2 * i) / headDim))),
  );
  return change(base, rope.parameters);
}

/** Tables `cos` and `sin`, each [length, frequencies]. */
export function ropeTables(backend: Backend, frequencies: Float32Array, length: number): Weights {
  const n = frequencies.length;
  const table = (of: (x: number) => number) => {
    const values = new Float32Array(length * n);
    for (let t = 0; t < length; t++)
      for (let i = 0; i < n; i++) values[t * n + i] = of(Math.fround(t * frequencies[i]));
    const tensor = backend.allocate('f32', [length, n]);
    backend.write(tensor, values);
    return tensor;
  };
  return new Map([
    ['cos', table(Math.cos)],
    ['sin', table(Math.sin)],
  ]);
}
