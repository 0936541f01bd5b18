// The calibration draw from a shard as large as C4's first, packed and not; needs some gigabyte of room for it.
//
//   npm run bench -- draw          DOCUMENTS=20000 TOKENIZER=FOLDER npm run bench -- draw for fewer, or another tokenizer

import { drawing } from './draw.mjs';
import { print } from './print.mjs';

print(await drawing());
