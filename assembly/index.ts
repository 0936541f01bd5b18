// The kernels, one operation per file: pointers in, numbers out. None allocates memory or owns static data.
//
// Conventions. Every pointer is a byte address in the imported memory, 16-byte aligned at the start of a tensor.
// An operation that can be split ends in (begin, end): the half-open range of units to do, where the unit is named in
// its comment. Whoever does a unit, and whatever its neighbours are, its result has the same bits: that is what makes
// the plain build reproducible with any number of threads. Operations that need scratch memory take (scratch, stride)
// and, last, the number of the thread: its own part starts at scratch + thread·stride. The sizes of units are exported too.

export { activate, gate } from './activate';
export { addition, scaling } from './addition';
export { ATTENTION_FEW, ATTENTION_QUERIES, ATTENTION_ROWS, ATTENTION_SCRATCH, attention } from './attention';
export { columnSquares, STATISTICS_COLUMNS } from './columnSquares';
export { embed } from './embed';
export { GRAM_ROWS, gram } from './gram';
export { layerNorm } from './layerNorm';
export { LINEAR_ROWS, LINEAR_TOKENS, linear } from './linear';
export { logProbabilities } from './logProbabilities';
export { maskGroups } from './maskGroups';
export { maskRows } from './maskRows';
export { countScores, maskThreshold } from './maskThreshold';
export { rmsNorm } from './rmsNorm';
export { rope } from './rope';
export { softcap } from './softcap';
export { ELEMENTS } from './units';
