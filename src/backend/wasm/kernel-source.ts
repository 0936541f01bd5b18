// In which forms the kernels may be given.

/** A `WebAssembly.Module`, which not every set of types knows: it has no members to tell it by. */
export type CompiledModule = object;

/** A build of the kernels: bytes, a compiled module (of one thread), the answer of a server, or where it is. */
export type KernelCode = ArrayBuffer | Uint8Array | Response | URL | CompiledModule;

/** The same, or what makes it. */
export type KernelSource = KernelCode | Promise<KernelCode> | (() => KernelCode | Promise<KernelCode>);

/** Where each of the two builds comes from; plain is enough where no relaxed one is asked for. */
export interface KernelSources {
  plain: KernelSource;
  relaxed?: KernelSource | undefined;
}
