// What of a model folder does not go into its copy, pruned or in another form: above all the same weights in further files.
// They are dense, and a loader that prefers their format, or a person who does, would run the model that was to be replaced.

import type { Checkpoint } from './checkpoint.js';

/** Our record of the run that made the model, which another run replaces. */
const runRecord = 'neuroal.json';
/** Version control: no part of the model. */
const repository = '.git';

/** Files that hold the dense weights, by the program that reads them. */
const denseFiles = [
  // transformers: its own formats and their shards, with their indexes
  /^model.*\.safetensors(\.index\.json)?$/,
  /^pytorch_model.*\.bin(\.index\.json)?$/,
  /^tf_model.*\.h5(\.index\.json)?$/,
  /^flax_model.*\.msgpack(\.index\.json)?$/,
  // PyTorch itself, and what the makers of a model publish beside it
  /\.(pt|pth|ckpt)$/,
  /^consolidated.*\.safetensors(\.index\.json)?$/,
  // llama.cpp, ONNX Runtime (with the data beside the graph), OpenVINO, rust-bert
  /\.gguf$/,
  /\.onnx([._]data.*)?$/,
  /^openvino_model\.(bin|xml)$/,
  /^rust_model\.ot$/,
];

/** Folders with such files. */
const denseFolders = ['onnx', 'original', 'openvino', 'coreml'];

/** The weight files that were read, and the index that named them. */
const isOwn = ({ files }: Checkpoint, name: string) =>
  files.includes(name) || (name === 'model.safetensors.index.json' && !files.includes('model.safetensors'));

/**
 * Whether the entry `name` at the top of the folder of `source` stays out of its copy.
 * @param conversion the copy is the same model, all of whose weights are written anew
 */
export function leftOut(source: Checkpoint, name: string, isFolder: boolean, conversion: boolean): boolean {
  if (name === runRecord) return !conversion;
  if (name === repository) return true;
  if (isFolder) return denseFolders.includes(name);
  // Weights of another format are written as safetensors; whatever the shards are called, they stay behind.
  if (isOwn(source, name)) return conversion || source.format !== 'safetensors';
  return denseFiles.some((pattern) => pattern.test(name));
}
