// Zero-shot tasks: see tasks.mjs.
//
//   npm run bench -- tasks        RUNS=1 LIMIT=40 npm run bench -- tasks for a quick look; PYTHON=… for another Python

import { print } from './print.mjs';
import { tasks } from './tasks.mjs';

print(await tasks());
