// Writes files in the format of llama.cpp, GGUF version 3, by its specification: metadata and the list of tensors first, then
// their bytes. No dependency for a header of five kinds of values and three kinds of numbers.

import { open } from 'node:fs/promises';
import { narrowF16 } from '../../dist/internals.js';

const MAGIC = 'GGUF';
const VERSION = 3;
/** Tensors begin at multiples of it. */
const ALIGNMENT = 32;
/** Weights of a block of q8_0, which share a scale. */
const BLOCK = 32;
const BLOCK_BYTES = 2 + BLOCK;

function number(bytes, method, value) {
  const buffer = Buffer.alloc(bytes);
  buffer[method](value);
  return buffer;
}

const u32 = (value) => number(4, 'writeUInt32LE', value);
const u64 = (value) => number(8, 'writeBigUInt64LE', BigInt(value));
const string = (value) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** Kinds of values in the metadata: their numbers in the specification, and their bytes. */
const kinds = {
  u32: { id: 4, write: u32 },
  i32: { id: 5, write: (value) => number(4, 'writeInt32LE', value) },
  f32: { id: 6, write: (value) => number(4, 'writeFloatLE', value) },
  string: { id: 8, write: string },
  array: {
    id: 9,
    write: ([kind, values]) =>
      Buffer.concat([u32(kinds[kind].id), u64(values.length), ...values.map(kinds[kind].write)]),
  },
};

function f16(weights) {
  const patterns = new Uint16Array(weights.length);
  narrowF16(weights, patterns);
  return Buffer.from(patterns.buffer);
}

/** Blocks of a scale in f16 and 32 whole numbers from −127 to 127. */
function q8(weights) {
  const blocks = weights.length / BLOCK;
  const inverse = new Float32Array(blocks);
  const scales = Float32Array.from(inverse, (_, b) => {
    let largest = 0;
    for (let i = b * BLOCK; i < (b + 1) * BLOCK; i++) largest = Math.max(largest, Math.abs(weights[i]));
    inverse[b] = largest && 127 / largest;
    return largest / 127;
  });
  const halves = f16(scales);
  const bytes = Buffer.alloc(blocks * BLOCK_BYTES);
  for (let b = 0; b < blocks; b++) {
    halves.copy(bytes, b * BLOCK_BYTES, 2 * b, 2 * b + 2);
    for (let i = 0; i < BLOCK; i++)
      bytes.writeInt8(Math.round(weights[b * BLOCK + i] * inverse[b]), b * BLOCK_BYTES + 2 + i);
  }
  return bytes;
}

/** Kinds of numbers in tensors: their numbers in the specification, the bytes of so many, and these bytes. */
const types = {
  f32: {
    id: 0,
    size: (count) => 4 * count,
    bytes: (weights) => Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength),
  },
  f16: { id: 1, size: (count) => 2 * count, bytes: f16 },
  q8_0: { id: 8, size: (count) => (count / BLOCK) * BLOCK_BYTES, bytes: q8 },
};

const aligned = (size) => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

/**
 * @param path file to write
 * @param metadata [key, kind, value], an array being [kind of its elements, elements]
 * @param tensors { name, shape, type }, rows first
 * @param weights the weights of each tensor, in this order (an iterable of Float32Array, or an asynchronous one)
 */
export async function writeGguf(path, metadata, tensors, weights) {
  const entries = metadata.map(([key, kind, value]) =>
    Buffer.concat([string(key), u32(kinds[kind].id), kinds[kind].write(value)]),
  );
  let offset = 0;
  const infos = tensors.map(({ name, shape, type }) => {
    // The format counts dimensions from the innermost.
    const info = [string(name), u32(shape.length), ...shape.toReversed().map(u64), u32(types[type].id), u64(offset)];
    offset += aligned(types[type].size(shape.reduce((a, b) => a * b, 1)));
    return Buffer.concat(info);
  });
  const counts = [Buffer.from(MAGIC), u32(VERSION), u64(tensors.length), u64(entries.length)];

  const file = await open(path, 'w');
  const write = async (bytes) => {
    await file.writeFile(bytes);
    await file.writeFile(Buffer.alloc(aligned(bytes.length) - bytes.length));
  };
  try {
    await write(Buffer.concat([...counts, ...entries, ...infos]));
    let next = 0;
    for await (const values of weights) await write(types[tensors[next++].type].bytes(values));
  } finally {
    await file.close();
  }
}
