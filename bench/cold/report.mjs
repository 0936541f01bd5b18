// What a process of the cold start reports: one line of JSON, times in milliseconds from the start of the process, which is
// where the clock of `performance` begins.

/**
 * @param open imports what is measured, and gives { about, firstToken }: the function that loads the model and gives the id
 *   of the first new token of the greedy text after `prompt`; null where only the import is measured
 */
export async function report(open) {
  const began = performance.now();
  const { about, firstToken } = await open();
  const imported = performance.now();
  const token = firstToken === null ? null : await firstToken('Once upon a time');
  const ended = performance.now();
  const { maxRSS } = process.resourceUsage();
  const line = {
    about,
    began,
    importing: imported - began,
    firstToken: token === null ? null : ended,
    token,
    peakBytes: 1024 * maxRSS,
  };
  // Threads and native addons may keep a process alive, or take long to let go: what is measured is over.
  process.stdout.write(`${JSON.stringify(line)}\n`, () => process.exit(0));
}
