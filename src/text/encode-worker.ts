// What a thread of encode-pool.ts does: makes the tokenizer once, then encodes part after part.

import { move, workerData } from 'piscina';
import type { Part, TokenizerParts } from './encode-pool.js';
import { encodePart } from './long-text.js';
import { makePipeline, type Pipeline } from './pipeline.js';

let pipeline: Pipeline | undefined;

/** The Piscina task. */
export default function encode(part: Part): unknown {
  if (!pipeline) {
    const { definition, config, merging } = workerData as TokenizerParts;
    pipeline = makePipeline(definition, config, merging);
  }
  return move(encodePart(pipeline, part));
}
