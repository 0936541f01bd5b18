// Dense layers beside tfjs, ONNX Runtime (web and native), jax-js and PyTorch, and beside the machine's ceilings.
// The peers: npm ci --ignore-scripts in bench/peers, and python3 with torch; those that are missing are left out.
//
//   npm run bench -- dense        RUNS=1 SHAPES=opt,smollm TOKENS=1,128 npm run bench -- dense for a quicker look

import { dense } from './dense.mjs';
import { print } from './print.mjs';

print(await dense());
