// How much faster a layer fed by a relu is by columns.
//
//   npm run bench -- columns        RUNS=1 THREADS=1 npm run bench -- columns for a quicker look

import { columns } from './columns.mjs';
import { print } from './print.mjs';

print(await columns());
