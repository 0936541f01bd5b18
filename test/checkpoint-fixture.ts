// For tests only: tiny safetensors files and model folders in the system's temporary folder. The writer here knows
// nothing of the reader, so that the two can be held against each other.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestTensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/** A file of any header and data; `length` lies about the header's length. */
export function rawFile(
  header: string | Uint8Array,
  data: Uint8Array = new Uint8Array(0),
  length?: bigint,
): Uint8Array {
  const text = Buffer.from(header as Uint8Array);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([prefix, text, data]);
}

/** A valid file. */
export function safetensors(tensors: Record<string, TestTensor>, metadata?: Record<string, string>): Uint8Array {
  const parts: string[] = metadata ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  let at = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [at, at + bytes.length] })}`);
    at += bytes.length;
  }
  const header = `{${parts.join(',')}}`;
  const data = Buffer.concat(Object.values(tensors).map((tensor) => tensor.bytes));
  return rawFile(header.padEnd(Math.ceil(header.length / 8) * 8), data);
}

/** An F32 tensor of the given values. */
export function f32(shape: number[], values: number[]): TestTensor {
  return { dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** An F16 or BF16 tensor of the given bit patterns. */
export function half(dtype: 'F16' | 'BF16', shape: number[], patterns: number[]): TestTensor {
  return { dtype, shape, bytes: new Uint8Array(Uint16Array.from(patterns).buffer) };
}

/** An I64 tensor of the given values. */
export function i64(shape: number[], values: bigint[]): TestTensor {
  return { dtype: 'I64', shape, bytes: new Uint8Array(BigInt64Array.from(values).buffer) };
}

/** A U8 or I8 tensor of the given values. */
export function bytes(dtype: 'U8' | 'I8', shape: number[], values: number[]): TestTensor {
  return { dtype, shape, bytes: Uint8Array.from(values) };
}

/** config.json of a folder with sparse weights, beside what it says of the model. */
export const sparseSection = (format = 'sparse-bitmask') => ({
  quantization_config: { quant_method: 'compressed-tensors', version: '0.12.2', sparsity_config: { format } },
});

/** A new temporary folder with these files. */
export async function folderWith(files: Record<string, string | Uint8Array> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'neuroal-test-'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

export const removeFolder = (folder: string) => rm(folder, { recursive: true, force: true });
