// The options of every command that writes text: how long it gets, and how the next token is
// chosen, and how keys and values are kept.

import type { Command } from 'commander';
import { samplingDefaults } from '../generate/sampling.js';
import { type CacheFlags, number, texts, wholeNumber, withCache } from './options.js';

export interface SamplingFlags extends CacheFlags {
  maxTokens?: number;
  temperature?: number;
  topP?: number;
  topK?: number;
  repetitionPenalty?: number;
  stop?: string[];
  seed?: number;
}

const { temperature, topP, topK, repetitionPenalty } = samplingDefaults;

/** Adds them. */
export function withSampling(command: Command): Command {
  return withCache(command)
    .addOption(wholeNumber('--max-tokens <N>', 'new tokens at most', 128, 0))
    .addOption(number('--temperature <T>', '0 takes the most likely token', temperature))
    .addOption(number('--top-p <P>', 'only the most likely tokens that together have this probability', topP))
    .addOption(wholeNumber('--top-k <K>', 'only the K most likely tokens; 0 = all', topK, 0))
    .addOption(
      number('--repetition-penalty <X>', 'above 1, tokens that were there become less likely', repetitionPenalty),
    )
    .addOption(texts('--stop <TEXT>', 'text at which to stop; may be given several times'))
    .addOption(wholeNumber('--seed <N>', 'the same seed gives the same text', 0, 0));
}
