// Where the compiled kernels lie: beside this file, once it is built into a chunk at the top of dist/. Each place is written out in the one form that bundlers
// look for, so that they take the files along or leave them where they are.

export const kernelFiles = {
  plain: () => new URL('./kernels/plain.wasm', import.meta.url),
  relaxed: () => new URL('./kernels/relaxed.wasm', import.meta.url),
};
