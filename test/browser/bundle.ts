// A module and all that it imports as one script for a page. Node has no part in it: an import that a browser cannot
// follow is an error here, never a shim.

import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** The script of a file below test/browser. Errors: what cannot be resolved without Node, by its name. */
export async function bundle(file: string): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL(file, import.meta.url)),
    platform: 'browser',
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    onLog(_, { message }) {
      throw new Error(message);
    },
  });
  try {
    const { output } = await bundle.generate({ format: 'es', codeSplitting: false });
    const left = output
      .flatMap((part) => (part.type === 'chunk' ? [...part.imports, ...part.dynamicImports] : []))
      // What is loaded when it is asked for is in the same script.
      .filter((name) => name !== output[0].fileName);
    if (output.length !== 1 || left.length > 0)
      throw new Error(`expected one script without imports, got ${output.length} with ${left.join(', ') || 'none'}`);
    return output[0].type === 'chunk' ? output[0].code : '';
  } finally {
    await bundle.close();
  }
}
