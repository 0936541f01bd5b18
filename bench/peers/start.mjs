// Starts the peers that know a kind of job; which of them this machine lacks shows when they are asked.

import { fileURLToPath } from 'node:url';
import { Contestant } from '../contest/contestant.mjs';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const ofJavaScript = (name, threads) =>
  new Contestant({ name, threads, args: [file('peer.mjs'), name, String(threads)] });

/** PyTorch: dense layers and masks. */
export const startTorch = (threads) =>
  new Contestant({ name: 'torch', threads, command: 'python3', args: [file('torch_peer.py'), String(threads)] });

/** node-llama-cpp with a model in a GGUF file. */
export const startLlamaCpp = ({ name, threads, file: model }) =>
  new Contestant({ name, threads, args: [file('llama-cpp.mjs'), model, String(threads)] });

/** All that know dense layers, with the threads that they can use in Node. */
export const startDensePeers = () => [
  ofJavaScript('tfjs', 1),
  ofJavaScript('ort-web', 1),
  ofJavaScript('ort-web', 2),
  ofJavaScript('ort-node', 1),
  ofJavaScript('ort-node', 2),
  ofJavaScript('jax-js', 1),
  startTorch(1),
  startTorch(2),
];
