// What becomes of an error at the command line: one line on stderr and an exit code. Commander's own complaints are
// said again in the words of this project, with the nearest valid name.

import { type Command, CommanderError } from 'commander';
import { UsageError } from '../errors.js';
import { didYouMean } from '../nearest.js';
import { quoted } from '../quoted.js';

/** A signal asked the program to stop. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super('interrupted');
    this.exitCode = 128 + (signal === 'SIGINT' ? 2 : 15);
  }
}

/** Whoever read the results has seen enough (`neuroal … | head`): the end, but no failure. */
export class OutputClosed extends Error {}

/** Exit code of an error, and what to print about it. */
export function failure(error: unknown, verbose: boolean): { exitCode: number; text: string } {
  if (error instanceof OutputClosed) return { exitCode: 0, text: '' };
  if (error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help'))
    return { exitCode: error.exitCode === 0 ? 0 : 2, text: '' };
  const message = error instanceof Error ? error.message : String(error);
  const line = `neuroal: ${message.trim().replace(/\s*[\r\n]+\s*/g, '; ') || 'failed without a message'}\n`;
  if (error instanceof Interrupted) return { exitCode: error.exitCode, text: line };
  const exitCode = error instanceof UsageError || error instanceof CommanderError ? 2 : 1;
  return { exitCode, text: verbose ? `${line}${stackOf(error)}` : line };
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const cause = error.cause instanceof Error ? `caused by ${error.cause.message}\n${stackOf(error.cause)}` : '';
  return frames.map((frame) => `${frame}\n`).join('') + cause;
}

/** Turns what Commander found wrong with the words after `command` into a UsageError; leaves help and version alone. */
export function usageError(error: CommanderError, command: Command): Error {
  if (error.exitCode === 0 || error.code === 'commander.help') return error;
  const name = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const path = command.parent ? `${command.parent.name()} ${command.name()}` : command.name();
  const help = `see ${path} --help`;
  switch (error.code) {
    case 'commander.unknownOption': {
      const known = command.createHelp().visibleOptions(command);
      const meant = didYouMean(
        name.replace(/=.*/s, ''),
        known.map((option) => option.long ?? ''),
      );
      return new UsageError(`expected an option of ${path}, got ${name}${meant || `; ${help}`}`);
    }
    case 'commander.unknownCommand': {
      const known = command.commands.map((child) => child.name());
      return new UsageError(`expected a command (${known.join(', ')}), got ${quoted(name)}${didYouMean(name, known)}`);
    }
    case 'commander.missingArgument':
      return new UsageError(`expected ${name}, got none; ${help}`);
    case 'commander.optionMissingArgument':
      return new UsageError(`expected ${name.replace(/[<>]/g, '')}, got no value`);
    case 'commander.excessArguments': {
      const [most, got] = error.message.match(/\d+/g) ?? [];
      return new UsageError(`expected at most ${most} argument${most === '1' ? '' : 's'} of ${path}, got ${got}`);
    }
    default:
      return new UsageError(error.message.replace(/^error: /, ''));
  }
}
