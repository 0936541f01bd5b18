// Prefill and decoding of a random Llama with the size of SmolLM-135M, on one thread and on two.
//
//   npm run bench -- prefill        RUNS=1 npm run bench -- prefill for a quicker look

import { prefill } from './prefill.mjs';
import { print } from './print.mjs';

print(await prefill());
