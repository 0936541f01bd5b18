// Every contestant of a benchmark is a child process of its own, ours too: it idles while the others run, and one that is
// not installed or crashes takes nothing else with it. A request is a line of JSON on its stdin, an answer one on its
// stdout; whatever else a library prints there is passed over.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** An answer that takes longer never comes. */
const PATIENCE_MILLISECONDS = 180_000;

/** Messages name files by their last part: the folders of this machine mean nothing elsewhere. */
const withoutFolders = (message) => message.replaceAll(/(file:\/\/)?(\/[\w.@+-]+)+\/(?=[\w.@+-])/g, '');

export class Contestant {
  #child;
  #answers;
  #ended;
  #stderr = '';
  #failure = '';

  /** @param own whether the benchmark is pointless without it */
  constructor({ name, threads = 1, simd = null, own = false, command = process.execPath, args }) {
    Object.assign(this, { name, threads, simd, own });
    this.#child = spawn(command, args, { stdio: 'pipe' });
    this.#child.on('error', (error) => {
      this.#failure = error.code === 'ENOENT' ? `not installed: ${command}` : error.message;
    });
    this.#child.stdin.on('error', () => {}); // It ended; its stderr says why.
    this.#child.stderr.on('data', (data) => {
      this.#stderr = (this.#stderr + data).slice(-20_000);
    });
    this.#ended = new Promise((resolve) => this.#child.once('close', (code, signal) => resolve(code ?? signal)));
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** What it answers to `request`. */
  async ask(request) {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const impatience = setTimeout(() => {
      this.#failure = `no answer after ${PATIENCE_MILLISECONDS / 1000} s`;
      this.#child.kill('SIGKILL');
    }, PATIENCE_MILLISECONDS);
    try {
      for (;;) {
        const { value: line, done } = await this.#answers.next();
        if (done) throw new Error(await this.#lastWords());
        if (!line.startsWith('{')) continue;
        const { answer, error } = JSON.parse(line);
        if (error !== undefined) throw new Error(withoutFolders(error));
        return answer;
      }
    } finally {
      clearTimeout(impatience);
    }
  }

  /** Loads what later samples are about; the answer describes the contestant. */
  open(job) {
    return this.ask({ open: job });
  }

  sample(variant) {
    return this.ask({ sample: variant });
  }

  async stop() {
    this.#child.stdin.end();
    const impatience = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await this.#ended;
    clearTimeout(impatience);
  }

  async #lastWords() {
    const end = await this.#ended;
    const lines = this.#stderr.trim().split('\n');
    const telling = lines.findLast((line) => /\w*Error\b.*: /.test(line)) ?? lines.at(-1);
    return withoutFolders(this.#failure || `ended with ${end}${telling && `: ${telling}`}`);
  }
}
