// The statistics of an input against §3 of the algorithms page in plain loops, however the sequences come in batches.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backends } from '../../test/backends.js';
import { lehmer } from '../../test/golden/tiny-llama.js';
import type { Backend } from '../backend/backend.js';
import { CheckpointError } from '../errors.js';
import { InputStatistics, type InputSummary } from './statistics.js';

const { fround } = Math;

const T = 7;
const COLUMNS = 9;
const zeros = (length: number) => new Array<number>(length).fill(0);

/** Sequences of T tokens; column 3 is the same everywhere, column 5 within a sequence, column 6 is dead. */
function sequencesOf(count: number, seed: number): number[][][] {
  const random = lehmer(seed);
  return Array.from({ length: count }, (_, j) =>
    Array.from({ length: T }, () =>
      Array.from({ length: COLUMNS }, (_, c) => {
        const value = fround(4 * random() - 1);
        return c === 3 ? fround(0.1) : c === 5 ? j - 1.25 : c === 6 ? 0 : value;
      }),
    ),
  );
}

/** §3 with two passes: the mean of a sequence first, then the squares of what lies off it. */
function plainStatistics(sequences: number[][][]) {
  const N = sequences.length;
  const mean = zeros(COLUMNS);
  const variance = zeros(COLUMNS);
  const squares = zeros(COLUMNS);
  for (const x of sequences)
    for (let c = 0; c < COLUMNS; c++) {
      const column = x.map((token) => token[c]);
      const sum = column.reduce((a, b) => a + b);
      mean[c] += sum / N;
      variance[c] += column.reduce((total, v) => total + (v - sum / T) ** 2, 0) / T / N;
      squares[c] += column.reduce((total, v) => total + v * v, 0) / N;
    }
  return { mean, variance, activations: squares.map(Math.sqrt) };
}

/** XᵀX over all tokens. */
function plainGram(sequences: number[][][]): number[] {
  const tokens = sequences.flat();
  return Array.from({ length: COLUMNS * COLUMNS }, (_, i) =>
    tokens.reduce((sum, x) => sum + x[Math.floor(i / COLUMNS)] * x[i % COLUMNS], 0),
  );
}

describe.each(backends)('on the %s backend', (_, create) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  const layers = [
    { input: 'a', columns: COLUMNS },
    { input: 'a', columns: COLUMNS },
    { input: 'b', columns: COLUMNS },
  ];
  const statisticsOf = (sequences: number, needs = {}) => new InputStatistics(backend, layers, sequences, T, needs);

  /** Shows an input in batches of these sizes. */
  function show(statistics: InputStatistics, name: string, sequences: number[][][], batches: number[]): void {
    let from = 0;
    for (const size of batches) {
      const batch = sequences.slice(from, from + size).flat();
      const x = backend.allocate('f32', [batch.length, COLUMNS]);
      backend.write(x, Float32Array.from(batch.flat()));
      statistics.observe(name, x);
      backend.free(x);
      from += size;
    }
  }

  function expectPlain({ moments, activations }: InputSummary, sequences: number[][][]): void {
    const plain = plainStatistics(sequences);
    expect(activations).toBeAllClose(plain.activations, 1e-12, 1e-7);
    expect(moments!.mean).toBeAllClose(plain.mean, 1e-12, 1e-12);
    expect(moments!.variance).toBeAllClose(plain.variance, 1e-12, 1e-12);
  }

  it.each([[[5]], [[2, 2, 1]], [[1, 1, 1, 1, 1]], [[4, 1]]])('of batches of %j sequences', async (batches) => {
    const [a, b] = [sequencesOf(5, 1), sequencesOf(5, 2)];
    const statistics = statisticsOf(5, { moments: true });
    show(statistics, 'a', a, batches);
    show(statistics, 'b', b, batches.toReversed());
    const summaries = await statistics.summaries();
    expect([...summaries.keys()]).toEqual(['a', 'b']);
    for (const summary of summaries.values()) expect(summary.sequences).toBe(5);
    expectPlain(summaries.get('a')!, a);
    expectPlain(summaries.get('b')!, b);
    // What does not change within a sequence has no variance, whatever it is.
    for (const { moments } of summaries.values()) for (const c of [3, 5, 6]) expect(moments!.variance[c]).toBe(0);
    expect(summaries.get('a')!.moments!.mean[3]).toBe(7 * fround(0.1));
    statistics.free();
  });

  it('have the Gram matrix of all tokens', async () => {
    // Of eighths, whose products and sums are exact in f32.
    const sequences = sequencesOf(5, 3).map((x) => x.map((token) => token.map((v) => Math.round(8 * v) / 8)));
    const statistics = statisticsOf(5, { gram: true });
    show(statistics, 'a', sequences, [2, 2, 1]);
    const { gram } = (await statistics.summaries()).get('a')!;
    expect([...(await backend.read(gram!))]).toEqual(plainGram(sequences));
    statistics.reset();
    show(statistics, 'a', sequences.slice(0, 2), [1, 1]);
    expect([...(await backend.read(gram!))]).toEqual(plainGram(sequences.slice(0, 2)));
    statistics.free();
  });

  it('begin anew after reset', async () => {
    const statistics = statisticsOf(3, { moments: true });
    for (const seed of [3, 4]) {
      const sequences = sequencesOf(3, seed);
      show(statistics, 'a', sequences, [2, 1]);
      expectPlain((await statistics.summaries()).get('a')!, sequences);
      statistics.reset();
    }
    statistics.free();
  });

  it('are activations alone where no more is asked for', async () => {
    const statistics = statisticsOf(2);
    const sequences = sequencesOf(2, 5);
    show(statistics, 'b', sequences, [2]);
    const { gram, moments } = (await statistics.summaries()).get('b')!;
    expect([gram, moments]).toEqual([null, null]);
    const activations = await statistics.activations();
    expect(activations.get('b')!).toBeAllClose(plainStatistics(sequences).activations, 1e-12, 1e-7);
    expect(activations.get('a')).toEqual(new Float32Array(COLUMNS));
    statistics.free();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('are refused with an input of %f', async (value) => {
    const statistics = statisticsOf(2);
    const sequences = sequencesOf(2, 6);
    sequences[1][4][7] = value;
    show(statistics, 'b', sequences, [1, 1]);
    const error = await statistics.summaries().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message).toBe(`expected finite activations, got ${value}, in column 7 of the input of b`);
    statistics.free();
  });
});
