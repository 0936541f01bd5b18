#!/usr/bin/env node
// The command line. Each command is a file of its own and loads what it needs when it runs, so that help and version
// come at once.

import { Command } from 'commander';
import { version } from '../version.js';
import { addBench } from './bench.js';
import { addChat } from './chat.js';
import { addConvert } from './convert.js';
import { addDemo } from './demo.js';
import { addDoctor } from './doctor.js';
import { addEval } from './eval.js';
import { failure, usageError } from './failure.js';
import { addGenerate } from './generate.js';
import { addInspect } from './inspect.js';
import { addPrune } from './prune.js';
import { addSweep } from './sweep.js';

const program = new Command('neuroal')
  .description(
    'Prune a language model without retraining, measure what that cost, and run it on a plain CPU. ' +
      'NeuroAL decides how much of each block and each row goes, so that the activations of the pruned model stay ' +
      'aligned with those of the dense one; everything runs in WebAssembly, without Python and without a GPU.',
  )
  .version(version, '--version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .usage('COMMAND [options]')
  // What is wrong is said once, by failure().
  .configureOutput({ outputError: () => {} })
  .addHelpText(
    'after',
    `
A MODEL is a Hugging Face folder, or a name on the Hub (org/name, org/name@revision); left out, where nothing is
written, it is the small model that comes along.

Examples:
  neuroal demo                                          see it work, in half a minute
  neuroal prune ./my-model --out ./pruned --sparsity 0.7
  neuroal eval ./pruned --perplexity text.txt
  neuroal generate ./pruned --prompt "Once upon a time"
  neuroal chat Qwen/Qwen2.5-0.5B-Instruct

Exit codes: 0 done, 1 failed, 2 wrong usage. \`neuroal COMMAND --help\` lists the options of a command.`,
  );
for (const add of [
  addDemo,
  addPrune,
  addEval,
  addGenerate,
  addChat,
  addConvert,
  addInspect,
  addBench,
  addSweep,
  addDoctor,
])
  add(program);
for (const command of [program, ...program.commands])
  command.exitOverride((error) => {
    throw usageError(error, command);
  });

// Writing to a pipe that was closed fails where it is written; the event would end the program with a stack.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  const { exitCode, text } = failure(error, process.argv.includes('--verbose'));
  process.stderr.write(text);
  process.exitCode = exitCode;
}
