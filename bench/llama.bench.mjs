// A whole model beside node-llama-cpp in f32, f16 and q8_0, dense and pruned.
// The peer: npm ci --ignore-scripts in bench/peers; without it only neuroal's own figures are printed. On a machine
// with other work its two threads, which wait for each other at every operation, are many times slower: leave it idle.
//
//   npm run bench -- llama        RUNS=1 npm run bench -- llama for a quicker look

import { llama } from './llama.mjs';
import { print } from './print.mjs';

print(await llama());
