// The child's side of contestant.mjs: answers `open` and `sample` requests until stdin ends.

import { createInterface } from 'node:readline';

/**
 * @param open takes a job and gives { about, sample, close }: a description for the record, a function that answers one
 *   request for a sample, and one that frees what was loaded; a new job closes the one before it
 */
export async function serve(open) {
  let opened = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const { open: job, sample } = JSON.parse(line);
    let reply;
    try {
      if (job === undefined) reply = { answer: await opened.sample(sample) };
      else {
        await opened?.close();
        opened = null;
        opened = await open(job);
        reply = { answer: opened.about };
      }
    } catch (error) {
      reply = { error: error.message };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
  process.exit(0);
}
