// neuroal with its embedded model: node neuroal.mjs MODULE, the module being the whole package or its runtime.

import { report } from './report.mjs';

const [entry] = process.argv.slice(2);

await report(async () => {
  const { generate, loadModel } = await import(entry);
  return {
    about: entry,
    async firstToken(prompt) {
      const model = await loadModel(undefined, { threads: 1 });
      const { tokens } = await generate(model, prompt, { maxTokens: 1, temperature: 0 });
      return tokens[0];
    },
  };
});
