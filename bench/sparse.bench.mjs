// How much faster a pruned layer is as a sparse matrix.
//
//   npm run bench -- sparse        RUNS=1 npm run bench -- sparse for a quicker look

import { print } from './print.mjs';
import { sparse } from './sparse.mjs';

print(await sparse());
