// What weights of int8, and keys and values of bf16, cost in perplexity.
//
//   npm run bench -- int8
//   MODELS=../a,../b TEXT=notes.txt npm run bench -- int8      other models, on another text

import { int8 } from './int8.mjs';
import { print } from './print.mjs';

print(await int8());
