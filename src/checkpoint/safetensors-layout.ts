// Which tensors go into which safetensors file, and where: greedily in the order given, as huggingface_hub fills its
// shards. Inside a file they keep that order as far as every tensor begins at a multiple of its value's width: whoever reads it
// as a stream meets the parts of a layer together.

import { type StoredDtype, sizeOf, valueBytes } from './stored-dtype.js';

/** A tensor to be written. */
export interface NewTensor {
  name: string;
  dtype: StoredDtype;
  shape: readonly number[];
}

/** `begin` and `end` count from the start of the file. */
export interface PlacedTensor extends NewTensor {
  begin: number;
  end: number;
}

export interface SafetensorsLayout {
  file: string;
  /** Length field and JSON; the tensors follow, one behind the other. */
  header: Uint8Array;
  tensors: PlacedTensor[];
}

const bytesOf = ({ dtype, shape }: NewTensor) => valueBytes[dtype] * sizeOf(shape);

/** The files of a checkpoint, none with more than `maxBytes` of tensors unless it has only one. */
export function layOut(tensors: readonly NewTensor[], maxBytes: number): SafetensorsLayout[] {
  const shards = fillShards(tensors, maxBytes);
  const number = (n: number) => `${n}`.padStart(5, '0');
  return shards.map((shard, s) => {
    const file = shards.length === 1 ? 'model' : `model-${number(s + 1)}-of-${number(shards.length)}`;
    return { file: `${file}.safetensors`, ...place(shard) };
  });
}

/** The JSON of model.safetensors.index.json. */
export function indexOf(layouts: readonly SafetensorsLayout[]): string {
  const placed = layouts.flatMap(({ file, tensors }) => tensors.map((tensor) => ({ file, ...tensor })));
  const total = placed.reduce((sum, { begin, end }) => sum + end - begin, 0);
  // Written out: an object would move names that look like numbers to the front, and lose __proto__.
  const map = placed.map(({ name, file }) => `    ${JSON.stringify(name)}: ${JSON.stringify(file)}`);
  return `{\n  "metadata": {\n    "total_size": ${total}\n  },\n  "weight_map": {\n${map.join(',\n')}\n  }\n}\n`;
}

/** A tensor that is too large for a shard gets one of its own, and the shard at hand goes on behind it. */
function fillShards(tensors: readonly NewTensor[], maxBytes: number): NewTensor[][] {
  const shards: NewTensor[][] = [];
  let open: NewTensor[] = [];
  let bytes = 0;
  for (const tensor of tensors) {
    const more = bytesOf(tensor);
    if (more > maxBytes) {
      shards.push([tensor]);
      continue;
    }
    if (open.length > 0 && bytes + more > maxBytes) {
      shards.push(open);
      open = [];
      bytes = 0;
    }
    open.push(tensor);
    bytes += more;
  }
  if (open.length > 0 || shards.length === 0) shards.push(open);
  return shards;
}

/** The shard in an order in which values are aligned: what is wider than `most` first, by width, and the rest as it comes. */
function aligned(shard: readonly NewTensor[], most = 8): NewTensor[] {
  const rank = ({ dtype }: NewTensor) => Math.max(valueBytes[dtype], most);
  const ordered = [...shard].sort((a, b) => rank(b) - rank(a));
  let at = 0;
  for (const tensor of ordered) {
    if (at % valueBytes[tensor.dtype] !== 0) return aligned(shard, most / 2);
    at += bytesOf(tensor);
  }
  return ordered;
}

function place(shard: readonly NewTensor[]): Omit<SafetensorsLayout, 'file'> {
  const ordered = aligned(shard);
  let at = 0;
  const offsets = ordered.map((tensor) => {
    const begin = at;
    at += bytesOf(tensor);
    return [begin, at] as const;
  });
  const entries = ordered.map(
    ({ name, dtype, shape }, i) =>
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: offsets[i] })}`,
  );
  const json = Buffer.from(`{${['"__metadata__":{"format":"pt"}', ...entries].join(',')}}`);
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8));
  json.copy(header, 8);
  const tensors = ordered.map((tensor, i) => ({
    ...tensor,
    begin: header.length + offsets[i][0],
    end: header.length + offsets[i][1],
  }));
  return { header, tensors };
}
