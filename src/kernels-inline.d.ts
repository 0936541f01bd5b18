// What scripts/inline-kernels.mjs writes beside it: each build of the kernels, deflated, in base64.

export const plain: string;
export const relaxed: string;
