// The ceilings of one thread and of two. Two threads are two processes that measure at the same time: what one gets is
// less than half of the machine's only where the two are in each other's way.

import { fileURLToPath } from 'node:url';
import { Contestant } from '../contest/contestant.mjs';

const file = fileURLToPath(new URL('ceilings.mjs', import.meta.url));

export async function startCeilings() {
  const processes = [0, 1].map(() => new Contestant({ name: 'ceiling', own: true, args: [file] }));
  const [pattern] = [await processes[0].open({}), await processes[1].open({})];
  return {
    /** How memory is read. */
    pattern,
    /** { median, best } of `threads` threads, added up. */
    async sample(threads, variant) {
      const answers = await Promise.all(processes.slice(0, threads).map((p) => p.sample(variant)));
      const sum = (key) => answers.reduce((total, answer) => total + answer[key], 0);
      return { median: sum('median'), best: sum('best') };
    },
    stop: () => Promise.all(processes.map((p) => p.stop())),
  };
}
