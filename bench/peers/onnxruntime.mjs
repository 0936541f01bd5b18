// ONNX Runtime as a dense layer, native (onnxruntime-node) or as WebAssembly (onnxruntime-web): a session of one MatMul
// whose weights are constant, so that it may pack them as it likes.

import { matmulModel } from './onnx-matmul.mjs';

function layer(ort, about, options) {
  return {
    about,
    weights: 'in-out',
    async load(weight, rows, columns) {
      const session = await ort.InferenceSession.create(new Uint8Array(matmulModel(weight, rows, columns)), options);
      return {
        input(values, tokens) {
          const x = new ort.Tensor('float32', values, [tokens, columns]);
          const run = () => session.run({ x });
          const read = async () => (await run()).y.getData();
          return { run, read };
        },
        close: () => session.release(),
      };
    },
  };
}

export async function onnxruntimeNode(threads) {
  const { default: ort } = await import('onnxruntime-node');
  const options = { executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1 };
  return layer(ort, `onnxruntime-node ${ort.env.versions.node}`, options);
}

export async function onnxruntimeWeb(threads) {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  return layer(ort, `onnxruntime-web ${ort.env.versions.web}`, { executionProviders: ['wasm'] });
}
