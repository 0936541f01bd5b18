// A program of its own for `neuroal doctor`: opens the GPU and prints its name, or what is missing, as JSON. A driver that
// crashes takes this process with it and not the doctor, and what drivers remark on stderr stays here.

import { openBackend } from '../backend/open.js';

let answer: { adapter?: string | undefined; error?: string };
try {
  const backend = await openBackend({ backend: 'webgpu' });
  answer = { adapter: backend.info.adapter };
  await backend.dispose();
} catch (error) {
  answer = { error: error instanceof Error ? error.message : String(error) };
}
console.log(JSON.stringify(answer));
