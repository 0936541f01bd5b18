// From the start of a process to the first token, beside other engines.
//
//   npm run bench:cold        RUNS=1 npm run bench:cold for a quick look

import { cold } from './cold.mjs';
import { print } from './print.mjs';

print(await cold());
