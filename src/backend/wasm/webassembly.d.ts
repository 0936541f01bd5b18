// The part of the WebAssembly global that this backend uses: Node has it, but its type package does not say so, and the
// DOM library would bring a browser's thousand other names along.

declare namespace WebAssembly {
  function validate(bytes: Uint8Array): boolean;
  function compile(bytes: Uint8Array): Promise<Module>;
  function compileStreaming(answer: Response): Promise<Module>;

  // biome-ignore lint/complexity/noStaticOnlyClass: it is one
  class Module {
    static exports(module: Module): { name: string; kind: string }[];
  }

  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }

  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: boolean });
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
    grow(pages: number): number;
  }
}
