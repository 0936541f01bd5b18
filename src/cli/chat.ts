// `neuroal chat`: a conversation, line by line. On a terminal it asks and streams the answers; from a pipe every line is
// a turn of the user. What no longer fits into the model's context is left out from the oldest turn on, with a remark.

import { createInterface, type Interface } from 'node:readline';
import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import type { Generation } from '../generate/generate.js';
import { quoted } from '../quoted.js';
import type { ChatMessage } from '../text/chat-template.js';
import { failure } from './failure.js';
import { secondsSince, styled } from './figures.js';
import { modelArgument, place, type RunFlags, withRun } from './options.js';
import { type SamplingFlags, withSampling } from './sampling.js';
import { inSession, type Session } from './session.js';

interface ChatFlags extends RunFlags, SamplingFlags {
  prompt?: string;
  system?: string;
  template?: string;
}

/** Why an answer ended before its end: the user wants the next turn. */
const stopped = new Error('the answer was stopped');

/** Far above any template that is accepted. */
const mostTemplateBytes = 2 ** 20;

/** Adds the command. */
export function addChat(program: Command): void {
  withRun(
    withSampling(
      program
        .command('chat')
        .description(
          'talk to a model that has a chat template; from a pipe, each line is a turn.\n' +
            'Ctrl-C stops an answer; at the prompt it ends the talk, as Ctrl-D and /exit do',
        )
        .addArgument(modelArgument())
        .option('--prompt <TEXT>', 'what to say; one answer, and the end')
        .option('--system <TEXT>', 'what the model is told before')
        .addOption(place('--template <FILE>', 'chat template (Jinja) in the place of its own')),
    ),
  ).action((folder: string | undefined, options: ChatFlags) =>
    inSession(options, async (session) => {
      const interactive = process.stdin.isTTY === true && options.prompt === undefined;
      if (options.json && interactive)
        throw new UsageError('expected --prompt TEXT, or lines from a pipe, with --json, got a terminal');
      const [{ chatTemplate }, { samplingOptions }, { loadModel }, { readText }] = await Promise.all([
        import('../generate/chat.js'),
        import('../generate/sampling.js'),
        import('../models/load-model.js'),
        import('../text/folder-file.js'),
      ]);
      samplingOptions(options);
      const file = options.template;
      const source = file === undefined ? undefined : await readText(file, mostTemplateBytes);
      if (file !== undefined && source === undefined)
        throw new UsageError(`expected --template to be a file, got ${quoted(file)}, which is not there`);
      const started = performance.now();
      const { signal, onProgress } = session;
      const model = await loadModel(folder, { ...options, signal, onProgress });
      try {
        const load = secondsSince(started);
        // Asked before the first question.
        await chatTemplate(model, await model.tokenizer(), source);
        const talk = new Talk(session, model, { ...options, template: source });
        if (options.prompt !== undefined) await talk.say(options.prompt);
        else if (interactive && process.stdout.isTTY) await talk.onTerminal();
        else await talk.fromPipe();
        const turns = talk.turns.map(({ seconds, ...turn }) => ({ ...turn, seconds: { load, ...seconds } }));
        if (options.json) await session.printJson({ messages: talk.messages, turns });
      } finally {
        await model.dispose();
      }
    }),
  );
}

type Chat = typeof import('../generate/chat.js');

/** A conversation under way. */
class Talk {
  /** All that was said. */
  readonly messages: ChatMessage[] = [];
  /** The answers. */
  readonly turns: Generation[] = [];
  #answering: AbortController | null = null;
  #left = 0;

  constructor(
    private readonly session: Session,
    private readonly model: Parameters<Chat['chat']>[0],
    private readonly options: NonNullable<Parameters<Chat['chat']>[2]> & ChatTexts,
  ) {
    if (options.system !== undefined) this.messages.push({ role: 'system', content: options.system });
  }

  /** One turn: what the user says, and the answer, written as it comes. */
  async say(content: string): Promise<void> {
    const { chat, latestMessages } = await import('../generate/chat.js');
    const { session, messages, model, options } = this;
    const before = messages.length;
    messages.push({ role: 'user', content });
    let answer = '';
    this.#answering = new AbortController();
    try {
      const signal = AbortSignal.any([session.signal, this.#answering.signal]);
      const latest = await latestMessages(model, messages, { ...options, signal });
      this.remarkOn(messages.length - latest.length);
      const onText = (text: string) => {
        answer += text;
        if (!options.json) session.stream(text);
      };
      this.turns.push(await chat(model, latest, { ...options, signal, onText }));
      messages.push({ role: 'assistant', content: answer });
    } catch (error) {
      // What there is of a stopped answer was said; without one, the question was not asked.
      if (error === stopped && answer !== '') messages.push({ role: 'assistant', content: answer });
      else messages.length = before;
      if (error !== stopped) throw error;
    } finally {
      this.#answering = null;
      if (!options.json && (answer !== '' || messages.length > before)) session.stream('\n');
    }
  }

  /** Every line of stdin is a turn. */
  async fromPipe(): Promise<void> {
    const lines = createInterface({ input: process.stdin });
    await this.#each(lines, (line) => this.say(line));
  }

  /** Asks until Ctrl-D, /exit, or Ctrl-C while nothing is being written. */
  async onTerminal(): Promise<void> {
    const { session } = this;
    session.note(styled('dim', 'Ctrl-C stops an answer; /exit or Ctrl-D ends.'));
    const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: '> ' });
    // The terminal hands Ctrl-C to readline, not to the process.
    lines.on('SIGINT', () => {
      if (this.#answering && !this.#answering.signal.aborted) this.#answering.abort(stopped);
      else lines.close();
    });
    let open = true;
    lines.on('close', () => {
      open = false;
      this.#answering?.abort(stopped);
    });
    lines.prompt();
    await this.#each(lines, async (line) => {
      if (!open) return;
      try {
        await this.say(line);
      } catch (error) {
        if (session.signal.aborted) throw error;
        // The talk goes on: another message may do.
        process.stderr.write(failure(error, false).text);
      }
      if (open) lines.prompt();
    });
    session.stream('\n');
  }

  async #each(lines: Interface, turn: (line: string) => Promise<void>): Promise<void> {
    const { signal } = this.session;
    const close = () => lines.close();
    signal.addEventListener('abort', close);
    try {
      for await (const line of lines) {
        signal.throwIfAborted();
        if (line.trim() === '/exit') break;
        if (line.trim() !== '') await turn(line);
      }
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener('abort', close);
      lines.close();
    }
  }

  private remarkOn(left: number): void {
    if (left > this.#left)
      this.session.note(styled('dim', `(the first ${left} messages no longer fit and are left out)`));
    this.#left = left;
  }
}

interface ChatTexts {
  system?: string;
  json?: boolean;
}
