// A peer in a process of its own: node cold-start.mjs PACKAGE [GGUF]. Only node-llama-cpp gets the weights of the embedded
// model, which it reads from GGUF; the others read ONNX or nothing, and are imported.

import { readFileSync } from 'node:fs';
import { report } from '../cold/report.mjs';
import { installed } from './installed.mjs';

const [name, modelPath] = process.argv.slice(2);
const { packages } = JSON.parse(readFileSync(new URL('./package-lock.json', import.meta.url), 'utf8'));
const about = `${name} ${packages[`node_modules/${name}`].version}`;

async function llamaCpp({ getLlama }, prompt) {
  const llama = await getLlama({ build: 'never', gpu: false, maxThreads: 1, logLevel: 'error' });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 64, threads: 1 });
  const tokens = [model.tokens.bos, ...model.tokenize(prompt)];
  const generated = context.getSequence().evaluate(tokens, { temperature: 0, yieldEogToken: true });
  return (await generated.next()).value;
}

await report(async () => {
  const library = await installed(() => import(name));
  return { about, firstToken: modelPath === undefined ? null : (prompt) => llamaCpp(library, prompt) };
}).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
