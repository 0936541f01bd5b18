// Mask selection beside torch.sort and torch.kthvalue; without python3 and torch only this project's own time is printed.
//
//   npm run bench -- selection        RUNS=1 npm run bench -- selection for a quicker look

import { print } from './print.mjs';
import { selection } from './selection.mjs';

print(await selection());
