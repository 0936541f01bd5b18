// Removing the smallest weights of each row beside what Wanda's reference does in PyTorch, one thread, in turn.

import { fileURLToPath } from 'node:url';
import { relaxedSimdSupported } from '../dist/internals.js';
import { Contestant } from './contest/contestant.mjs';
import { Field } from './contest/field.mjs';
import { runs, takeTurns } from './contest/turns.mjs';
import { median } from './machine.mjs';
import { startTorch } from './peers/start.mjs';
import { figure, ratio, spread } from './table.mjs';

const rows = 4096;
const columns = 4096;
const prune = Math.floor(0.7 * columns);

const simd = relaxedSimdSupported() ? 'relaxed' : 'plain';

export async function selection() {
  const file = fileURLToPath(new URL('contest/neuroal.mjs', import.meta.url));
  const ours = new Contestant({ name: 'neuroal', simd, own: true, args: [file, simd, '1'] });
  const torch = startTorch(1);
  const ways = [
    { name: `neuroal ${simd}`, contestant: ours, variant: {} },
    { name: 'torch.sort, stable, and scatter', contestant: torch, variant: { by: 'sort' } },
    { name: 'torch.kthvalue and where', contestant: torch, variant: { by: 'kthvalue' } },
  ];
  const field = new Field([ours, torch]);
  try {
    await field.open({ kind: 'mask', rows, columns, prune });
    const taken = ways.filter(({ contestant }) => field.in.includes(contestant));
    console.error(`selection: ${runs} samples of each`);
    const samples = await takeTurns(
      taken.map(
        ({ contestant, variant }) =>
          () =>
            contestant.sample(variant),
      ),
      (i, error) => field.drop(taken[i].contestant, error),
    );
    const measured = taken.map(({ name }, i) => ({ name, milliseconds: samples[i] })).filter((w) => w.milliseconds);
    return [
      {
        title: `Selection: 70 % of each row of ${rows}×${columns} by |w|·column, one thread`,
        notes: [
          `Contestants: ${[...field.about].join(', ')}; ${runs} samples of each in turn. The scores and the masked copy are part of the time.`,
          ...field.reasons,
        ],
        head: ['way', 'ms', 'M weights/s', 'neuroal is faster by'],
        rows: measured.map(({ name, milliseconds }, i) => [
          name,
          spread(milliseconds),
          figure((rows * columns) / median(milliseconds) / 1000),
          i === 0 ? '–' : ratio(milliseconds, samples[0]),
        ]),
      },
    ];
  } finally {
    await field.stop();
  }
}
