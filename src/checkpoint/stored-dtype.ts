// The element types that tensors are stored in, under the names of the safetensors format, which all weight files of
// this project's share whatever their own format calls them.

/** Bytes of one value of each dtype that a file may hold. */
export const valueBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  I32: 4,
  U32: 4,
  I64: 8,
  U64: 8,
  F16: 2,
  BF16: 2,
  F32: 4,
  F64: 8,
  F8_E4M3: 1,
  F8_E5M2: 1,
};

export type StoredDtype = keyof typeof valueBytes;

/** Numbers in a tensor of that shape; 1 for a scalar. Not a safe integer where the shape is absurd. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
