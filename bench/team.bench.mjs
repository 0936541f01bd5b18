// The time that two threads need to meet and part.
//
//   npm run bench -- team        RUNS=1 npm run bench -- team for a quicker look

import { print } from './print.mjs';
import { team } from './team.mjs';

print(await team());
