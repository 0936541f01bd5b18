// The kernels, one operation per file: pointers in, numbers out. None allocates memory or owns static data.
//
// Conventions. Every pointer is a byte address in the imported memory, 16-byte aligned at the start of a tensor.
// An operation that can be split ends in (begin, end): the half-open range of units to do, where the unit is named in
// its comment. Whoever does a unit, and whatever its neighbours are, its result has the same bits: that is what makes
// the plain build reproducible with any number of threads. Operations that need scratch memory take (scratch, stride)
// and, last, the number of the thread: its own part starts at scratch + thread·stride. The sizes of units are exported too.

export { activate, gate } from './activate';
export { admmScores, admmStep } from './admmStep';
export { addition, scaling } from './addition';
export { ATTENTION_FEW, ATTENTION_QUERIES, ATTENTION_ROWS, ATTENTION_SCRATCH, attention } from './attention';
export { QUERY_ROW, QUERY_SCRATCH, queryOutput, queryScores, queryValues, queryWeights } from './attentionQuery';
export { COLUMN_SCRATCH, columnLinear } from './columnLinear';
export { countColumnScores, findColumnScore, scoreColumns } from './columnScores';
export { columnSquares, columnSums, STATISTICS_COLUMNS } from './columnSums';
export { cross } from './cross';
export { ELIMINATE_COLUMNS, ELIMINATE_ROWS, eliminateColumns } from './eliminateColumns';
export { EMBED_SCRATCH, embed } from './embed';
export { gram } from './gram';
export {
  INVERT_BLOCK, INVERT_ROWS, invertDiagonal, invertFactor, invertLoad, invertMirror, invertSolve, invertUpdate, invertWhole,
} from './invert';
export { int8Linear } from './int8Linear';
export { layerNorm } from './layerNorm';
export { lift } from './lift';
export { LINEAR_SCRATCH, LINEAR_TOKENS, linear, STREAMED } from './linear';
export { LIST_ENTRY, LIST_HEAD, listColumns } from './listColumns';
export { logProbabilities } from './logProbabilities';
export { maskGroups } from './maskGroups';
export { maskRows, SELECT_SCRATCH } from './maskRows';
export { countScores, lastEqual, maskThreshold } from './maskThreshold';
export { MULTIPLY_LEFT, MULTIPLY_ROWS, multiply } from './multiply';
export { narrow } from './narrow';
export { packTokens, SPARSE_NARROW, SPARSE_TILE } from './packTokens';
export { PRODUCT_COLUMNS, PRODUCT_SCRATCH } from './products';
export { quantizeTokens, TOKEN_HEAD } from './quantizeTokens';
export { rmsNorm } from './rmsNorm';
export { rope } from './rope';
export { KEYS as ATTENTION_KEYS } from './runningSoftmax';
export { softcap } from './softcap';
export { countEntries, countMasked, fillEntries, fillMasked, SPARSE_ROWS, SPARSE_STRIP } from './sparse';
export { SPARSE_SCRATCH, SPARSE_TOKENS, sparseLinear } from './sparseLinear';
export { packSteps, SPARSE_BLOCK, SPARSE_FAR, SPARSE_NEAR } from './sparseSteps';
export { SPARSE_GROUPS, sparseVectors } from './sparseVectors';
export { ELEMENTS } from './units';
