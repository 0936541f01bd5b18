// `neuroal doctor`: what this machine offers, what is missing, and what to do about it.

import type { Command } from 'commander';
import { version } from '../version.js';
import type { Check } from './doctor-checks.js';
import { styled } from './figures.js';
import { type CommonOptions, withCommon } from './options.js';
import { inSession } from './session.js';

/** Adds the command. */
export function addDoctor(program: Command): void {
  withCommon(
    program.command('doctor').description('show what this machine offers, what is missing and what to do about it'),
  ).action((options: CommonOptions) =>
    inSession(options, async (session) => {
      const { runChecks } = await import('./doctor-checks.js');
      const checks = await runChecks();
      const platform = `${process.platform}-${process.arch}`;
      if (options.json) await session.printJson({ schema: 1, version, node: process.version, platform, checks });
      else await session.print(`neuroal ${version} on ${platform}\n\n${describe(checks)}\n`);
      if (checks.some(({ ok, needed }) => needed && !ok)) process.exitCode = 1;
    }),
  );
}

function describe(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, ok, needed, detail, fix }) => {
    const mark = ok ? styled('green', 'ok     ') : needed ? styled('red', 'MISSING') : styled('dim', 'without');
    return [
      `${mark}  ${name.padEnd(width)}  ${detail}`,
      ...(fix ? [`${' '.repeat(9)}${' '.repeat(width)}  → ${fix}`] : []),
    ];
  });
  const missing = checks.filter(({ ok, needed }) => needed && !ok).length;
  const verdict =
    missing === 0
      ? 'Everything that is needed is there.'
      : `${missing} of the needed things ${missing === 1 ? 'is' : 'are'} missing.`;
  return [...lines, '', styled('bold', verdict)].join('\n');
}
