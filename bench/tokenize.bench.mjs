// Tokenizing a long text.
//
//   npm run bench -- tokenize
//   TEXT=wikitext2=wiki.test.raw TOKENIZER=FOLDER npm run bench -- tokenize        a text and a tokenizer of your own
//   LIBRARY=1 npm run bench -- tokenize                                            beside the library's own merge loop (slow)

import { print } from './print.mjs';
import { tokenize } from './tokenize.mjs';

print(await tokenize());
