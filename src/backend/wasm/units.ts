// Sizes of the units into which kernels split their work. The kernels define and export them (assembly/); a test holds
// these copies against what the compiled module says.

export const ELEMENTS = 1024;
export const LINEAR_TOKENS = 256;
export const STREAMED = 16;
export const TOKEN_HEAD = 16;
/** Bytes of a row of scores. */
export const QUERY_ROW = 272;
/** Scratch memory of a thread: bytes, and besides these heads·headDim f32. */
export const QUERY_SCRATCH = 48;
/** Bytes of scratch memory of a thread. */
export const LINEAR_SCRATCH = 8224;
/** Bytes of scratch memory of a thread. */
export const COLUMN_SCRATCH = 32;
export const LIST_HEAD = 16;
export const LIST_ENTRY = 8;
export const EMBED_SCRATCH = 32;
export const ATTENTION_QUERIES = 64;
export const ATTENTION_FEW = 4;
export const ATTENTION_KEYS = 64;
/** Scratch memory of a thread: bytes, and besides these rows of headDim f32. */
export const ATTENTION_SCRATCH = 17952;
export const ATTENTION_ROWS = 196;
export const STATISTICS_COLUMNS = 16;
export const MULTIPLY_ROWS = 32;
export const MULTIPLY_LEFT = 64;
export const PRODUCT_COLUMNS = 64;
/** Bytes of scratch memory of a thread. */
export const PRODUCT_SCRATCH = 77824;
export const INVERT_BLOCK = 64;
export const INVERT_ROWS = 32;
export const ELIMINATE_ROWS = 64;
export const ELIMINATE_COLUMNS = 64;
export const SELECT_SCRATCH = 16384;
export const SPARSE_BLOCK = 32;
export const SPARSE_NEAR = 15;
export const SPARSE_FAR = 255;
export const SPARSE_STRIP = 128;
export const SPARSE_TILE = 32;
export const SPARSE_NARROW = 8;
export const SPARSE_GROUPS = 8;
export const SPARSE_ROWS = 128;
export const SPARSE_TOKENS = 256;
/** Bytes of scratch memory of a thread, but for steps. */
export const SPARSE_SCRATCH = 17408;
