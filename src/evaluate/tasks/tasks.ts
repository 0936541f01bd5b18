// The tasks that there are. To add one, write its file and add its line here.

export { arcChallenge } from './arc-challenge.js';
export { arcEasy } from './arc-easy.js';
export { boolq } from './boolq.js';
export { copa } from './copa.js';
export { hellaswag } from './hellaswag.js';
export { lambadaOpenai } from './lambada-openai.js';
export { openbookqa } from './openbookqa.js';
export { piqa } from './piqa.js';
export { rte } from './rte.js';
export { winogrande } from './winogrande.js';
