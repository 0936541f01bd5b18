// The tables of a sweep, letter by letter.

import { describe, expect, it } from 'vitest';
import { toCsv } from './csv.js';
import type { CellOptions } from './grid.js';
import { gridOf } from './grid.js';
import { figure, toMarkdown } from './markdown.js';
import { checkedPlan, type SweepPlan } from './plan.js';
import { planOptions } from './plan-options.js';
import { type CellResult, type SweepResults, sweepResults } from './results.js';

type Measured = Partial<Pick<CellResult, 'achieved' | 'lambda' | 'seconds' | 'error'>> & {
  perplexity?: number | object;
};

const found = (values: number | object) =>
  Object.fromEntries(
    Object.entries(typeof values === 'number' ? { 'text.txt': values } : values).map(([name, perplexity]) => [
      name,
      { perplexity, nll: Math.log(perplexity), windows: 40, seqLen: 256, tokens: 20_000, protocol: 'text-256' },
    ]),
  );

/** Results of a plan in which `measure` says what came of a cell: nothing where it did not run. */
function results(
  plan: Partial<SweepPlan>,
  measure: (options: CellOptions, model: string) => Measured | undefined,
  names = ['text.txt'],
): SweepResults {
  const checked = checkedPlan({ models: 'm', ...plan }, 'the plan', '.');
  const { cells, refused } = gridOf(checked);
  return sweepResults({
    evaluation: { sources: names.map((name) => ({ name, source: `/data/${name}` })), seqLen: 256, limit: 40 },
    dense: checked.models.map((model) => ({
      model,
      perplexity: model === 'unmeasured' ? null : found(Object.fromEntries(names.map((name, i) => [name, 8.4381 + i]))),
    })),
    cells: cells.map(({ model, options }, i) => {
      const { perplexity, error = null, ...measured } = measure(options, model) ?? {};
      return {
        id: `id${i}`,
        name: `cell ${i}`,
        state: error !== null ? 'failed' : perplexity === undefined ? 'pending' : 'done',
        model,
        options,
        achieved: perplexity === undefined ? null : Number(options.sparsity),
        lambda: null,
        seconds: null,
        ...measured,
        perplexity: perplexity === undefined ? null : found(perplexity),
        error,
      };
    }),
    refused,
  });
}

describe('toMarkdown', () => {
  it('has a row for each way, a column for each sparsity, and the best of a column bold', () => {
    const perplexities: Record<string, number[]> = {
      'magnitude uniform': [33.1, 94.02],
      'wanda uniform': [16.3, 50.64],
      'wanda neuroal': [12.345, 19.64],
    };
    const document = results(
      // The smaller sparsity comes first whatever the order of the plan.
      { sparsity: [0.7, 0.625], grid: [{ method: ['magnitude', 'wanda'], topUp: 'uniform' }, { method: 'wanda' }] },
      ({ method, topUp, sparsity }) => ({ perplexity: perplexities[`${method} ${topUp}`][sparsity === 0.7 ? 1 : 0] }),
    );
    expect(toMarkdown(document)).toBe(`## m on text.txt: dense perplexity 8.44

Perplexity on 40 windows of 256 tokens, lower is better.

| method    | topUp   |    62.5 % |      70 % |
| --------- | ------- | --------: | --------: |
| magnitude | uniform |     33.10 |     94.02 |
| wanda     | uniform |     16.30 |     50.64 |
| wanda     | neuroal | **12.35** | **19.64** |
`);
  });

  it('shows the options that tell rows apart', () => {
    const document = results(
      {
        sparsity: 0.7,
        topUp: 'uniform',
        grid: [{ update: 'none' }, { update: 'admm', targets: 'own' }, { seqLen: 64 }, { topUp: 'neuroal' }],
      },
      () => ({ perplexity: 9 }),
    );
    expect(toMarkdown(document).split('\n').slice(4)).toEqual([
      '| method | topUp   | step | update | targets | seqLen |     70 % |',
      '| ------ | ------- | ---- | ------ | ------- | ------ | -------: |',
      '| wanda  | uniform | –    | none   | –       | –      | **9.00** |',
      '| wanda  | uniform | –    | admm   | own     | –      | **9.00** |',
      '| wanda  | uniform | –    | none   | –       | 64     | **9.00** |',
      '| wanda  | neuroal | both | none   | –       | –      | **9.00** |',
      '',
    ]);
  });

  it('gives patterns a table of their own', () => {
    const document = results(
      {
        topUp: 'uniform',
        grid: [{ sparsity: 0.5 }, { pattern: ['4:8', '2:4', '1:4'], method: ['magnitude', 'wanda'] }],
      },
      ({ pattern, method }) => ({ perplexity: pattern === null ? 10 : method === 'wanda' ? 11 : 12.5 }),
    );
    expect(toMarkdown(document).split('\n').slice(4)).toEqual([
      '| method | topUp   |  50 % |',
      '| ------ | ------- | ----: |',
      '| wanda  | uniform | 10.00 |',
      '',
      '| method    | topUp   |       1:4 |       4:8 |       2:4 |',
      '| --------- | ------- | --------: | --------: | --------: |',
      '| magnitude | uniform |     12.50 |     12.50 |     12.50 |',
      '| wanda     | uniform | **11.00** | **11.00** | **11.00** |',
      '',
    ]);
  });

  it('averages over seeds, of which some may be missing', () => {
    const document = results({ sparsity: [0.6, 0.7, 0.8], seed: [0, 1, 2] }, ({ sparsity, seed }) => {
      if (sparsity === 0.6) return { perplexity: [10, 12, 14][Number(seed)] };
      if (sparsity === 0.7) return seed === 1 ? { perplexity: 20 } : undefined;
      return undefined;
    });
    // (10, 12, 14): mean 12, and the squares 4 + 0 + 4 over n − 1 = 2.
    expect(toMarkdown(document).split('\n').slice(4)).toEqual([
      '| method | topUp   |         60 % |           70 % |    80 % |',
      '| ------ | ------- | -----------: | -------------: | ------: |',
      '| wanda  | neuroal | 12.00 ± 2.00 | 20.00 (1 of 3) | pending |',
      '',
      'Mean ± standard deviation (n − 1) over the seeds 0, 1, 2.',
      '',
    ]);
  });

  it('says what failed, what was left out, and where a sparsity was missed', () => {
    const document = results(
      { models: ['unmeasured'], sparsity: [0.6, 0.7], topUp: ['uniform', 'neuroal'], skipRefused: true, step: 'both' },
      ({ sparsity }) =>
        sparsity === 0.6 ? { error: 'expected this, got that' } : { perplexity: 30, achieved: 0.6899 },
    );
    const [{ reason }] = document.refused;
    expect(toMarkdown(document)).toBe(`## unmeasured on text.txt

| method | topUp   |   60 % |    70 % |
| ------ | ------- | -----: | ------: |
| wanda  | neuroal | failed | 30.00 † |

† More than 1 % away from the sparsity asked for: schedules are clamped, counts truncated.

Failed:

- cell 0: expected this, got that

Left out:

- topUp uniform, step both, sparsity 0.6 and 1 more: ${reason}
`);
  });

  it('says once for each reason what was left out', () => {
    const document = results(
      {
        skipRefused: true,
        grid: [
          { sparsity: [0.5, 2], step: ['block', 'row'] },
          { topUp: 'uniform', pattern: '9:1' },
        ],
      },
      () => undefined,
    );
    const reasons = [...new Set(document.refused.map(({ reason }) => reason))];
    expect(reasons).toHaveLength(2);
    expect(toMarkdown(document).split('\n').slice(-4)).toEqual([
      '',
      `- step block, sparsity 2 and 1 more: ${reasons[0]}`,
      `- topUp uniform, pattern 9:1: ${reasons[1]}`,
      '',
    ]);
  });

  it('goes through models and sources, and leaves empty what the grid lacks', () => {
    const document = results(
      { models: ['a', 'b'], grid: [{ sparsity: 0.5 }, { sparsity: 0.7, topUp: 'uniform' }] },
      (_, model) => ({ perplexity: { c4: model === 'a' ? 1 : 2, ptb: 123_456 } }),
      ['c4', 'ptb'],
    );
    const text = toMarkdown(document);
    expect(text.split('\n').filter((line) => line.startsWith('#'))).toEqual([
      '## a on c4: dense perplexity 8.44',
      '## a on ptb: dense perplexity 9.44',
      '## b on c4: dense perplexity 8.44',
      '## b on ptb: dense perplexity 9.44',
    ]);
    expect(text).toContain('| wanda  | neuroal | 1.00 |      |\n| wanda  | uniform |      | 1.00 |\n');
    expect(text).toContain('| wanda  | neuroal | 1.2e+5 |        |\n| wanda  | uniform |        | 1.2e+5 |\n');
  });

  it('keeps the bars of a name out of the table', () => {
    const document = results({ calibration: ['a|b', 'c'] }, () => ({ perplexity: 5 }));
    expect(toMarkdown(document)).toContain('| wanda  | neuroal | a\\|b        | **5.00** |');
  });

  it.each([
    [8.4381, '8.44'],
    [999.994, '999.99'],
    [1234.56, '1235'],
    [99_999, '99999'],
    [1234567, '1.2e+6'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
  ])('writes %d as %s', (value, text) => expect(figure(value)).toBe(text));
});

describe('toCsv', () => {
  it('has a line for each cell', () => {
    const document = results(
      { sparsity: [0.5, 0.75], grid: [{ topUp: 'uniform' }, { calibration: 'my, "own".txt', exhaustive: true }] },
      ({ topUp, sparsity }) => {
        if (topUp === 'uniform') return sparsity === 0.5 ? undefined : { error: 'one\ntwo' };
        return { perplexity: 1, achieved: 0.51, lambda: { block: 0.1, row: null }, seconds: 1.5 };
      },
    );
    const lines = toCsv(document).split('\n');
    expect(lines[0]).toBe(
      `id,state,model,${planOptions.join(',')},achieved,lambdaBlock,lambdaRow,seconds,perplexity text.txt,dense text.txt,error`,
    );
    const field = (line: string, name: string) => line.split(',')[lines[0].split(',').indexOf(name)];
    expect(lines[1]).toMatch(/^id0,pending,m,wanda,uniform,,.*,,,,,,8\.4381\d*,$/);
    expect(field(lines[1], 'sparsity')).toBe('0.5');
    expect(`${lines[2]}\n${lines[3]}`).toMatch(/^id1,failed,m,wanda,uniform,,.*,"one\ntwo"$/);
    expect(lines[4]).toMatch(
      /^id2,done,m,wanda,neuroal,both,.*,true,"my, ""own"".txt",.*,0\.51,0\.1,,1\.5,1,8\.4381\d*,$/,
    );
    expect(lines.slice(6)).toEqual(['']);
  });
});
