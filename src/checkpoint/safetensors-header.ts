// The header of a safetensors file: names, dtypes, shapes and byte ranges, believed only after every check that the
// format defines. A header that passes cannot make a later read leave the file or allocate more than the file holds.

import { CheckpointError } from '../errors.js';
import { quoted, shapeText, tensorAt } from '../quoted.js';
import { scanKeys } from './json-keys.js';
import { type StoredDtype, sizeOf, valueBytes } from './stored-dtype.js';
import type { TensorEntry } from './weight-file.js';

export interface SafetensorsHeader {
  /** In the order of the header. */
  tensors: Map<string, TensorEntry>;
  /** `__metadata__`; empty where there is none. */
  metadata: Map<string, string>;
}

/**
 * Parses and validates the JSON of a header.
 * @param path the file, for messages
 * @param dataBegin where the byte buffer begins in the file
 * @param fileBytes size of the file; Infinity where it is not known
 */
export function parseHeader(json: string, path: string, dataBegin: number, fileBytes: number): SafetensorsHeader {
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where: path });
  const scan = scanKeys(json, 8);
  if (scan.depth > 8) throw fail('a header that nests at most 8 deep', 'one that nests deeper');
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(json);
  } catch (error) {
    throw new CheckpointError({ expected: 'a header of valid JSON', got: 'a syntax error', where: path, cause: error });
  }
  if (scan.duplicate !== undefined) throw fail('each name once in the header', `${quoted(scan.duplicate)} twice`);

  const header: SafetensorsHeader = { tensors: new Map(), metadata: new Map() };
  for (const name of scan.top) {
    const value = parsed[name];
    if (name === '__metadata__') header.metadata = parseMetadata(value, path);
    else header.tensors.set(name, parseEntry(value, tensorAt(path, name), dataBegin, fileBytes));
  }
  checkCoverage(header.tensors, path, dataBegin, fileBytes);
  return header;
}

function parseMetadata(value: unknown, path: string): Map<string, string> {
  const expected = 'an object of strings under __metadata__';
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CheckpointError({ expected, got: quoted(value), where: path });
  const entries = Object.entries(value);
  const wrong = entries.find(([, text]) => typeof text !== 'string');
  if (wrong) throw new CheckpointError({ expected, got: `${quoted(wrong[0])}: ${quoted(wrong[1])}`, where: path });
  return new Map(entries);
}

const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;

function parseEntry(value: unknown, where: string, dataBegin: number, fileBytes: number): TensorEntry {
  const fail = (expected: string, got: unknown) =>
    new CheckpointError({ expected, got: typeof got === 'string' ? got : quoted(got), where });
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw fail('an entry {"dtype", "shape", "data_offsets"}', quoted(value));
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(valueBytes, dtype))
    throw fail(`a dtype of ${Object.keys(valueBytes).join(', ')}`, quoted(dtype));
  if (!Array.isArray(shape) || !shape.every(isCount)) throw fail('a shape of whole numbers', quoted(shape));
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw fail('data_offsets of two whole numbers', quoted(offsets));

  const [begin, end] = offsets as [number, number];
  const room = fileBytes - dataBegin;
  if (begin > end || end > room)
    throw fail(`data_offsets in order within the ${room} bytes of data; download the file again`, quoted(offsets));
  const bytes = valueBytes[dtype as StoredDtype] * sizeOf(shape);
  if (!(bytes <= Number.MAX_SAFE_INTEGER) || bytes !== end - begin)
    throw fail(`${bytes} bytes for ${dtype} ${shapeText(shape)}`, `${end - begin} bytes`);
  return { dtype: dtype as StoredDtype, shape, begin: dataBegin + begin, end: dataBegin + end };
}

/** The tensors must tile the byte buffer: no overlap, no hole, nothing behind the last. */
function checkCoverage(tensors: Map<string, TensorEntry>, path: string, dataBegin: number, fileBytes: number): void {
  const ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = dataBegin;
  for (const [name, { begin, end }] of ordered) {
    if (begin !== at)
      throw new CheckpointError({
        expected: `data from byte ${at - dataBegin} on, where the tensor before it ends`,
        got: `${begin < at ? 'an overlap' : 'a hole'}: data from byte ${begin - dataBegin} on`,
        where: tensorAt(path, name),
      });
    at = end;
  }
  if (at !== fileBytes && fileBytes !== Number.POSITIVE_INFINITY)
    throw new CheckpointError({
      expected: `${at - dataBegin} bytes of data, as the header says; download the file again`,
      got: `${fileBytes - dataBegin} bytes`,
      where: path,
    });
}
