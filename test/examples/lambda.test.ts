// The function of the example where it may do no more than on Lambda: Node's permission model lets it read its own folder, and
// refuses it every file to write, every thread and every process.

import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { node } from './run.js';

const folder = fileURLToPath(new URL('../../examples/lambda/dist', import.meta.url));
const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

/** What the calls of `script` give, with `ask(request, milliseconds)` for one of the function. */
async function inFunction(script: string): Promise<unknown> {
  const code = `
    const { handler } = await import(${JSON.stringify(pathToFileURL(`${folder}/handler.mjs`).href)});
    const ask = (body, milliseconds = 30_000) => handler({ body }, { getRemainingTimeInMillis: () => milliseconds });
    console.log(JSON.stringify(${script}));`;
  return JSON.parse(await node([permission, `--allow-fs-read=${folder}`, '--input-type=module', '--eval', code]));
}

let built: string;
beforeAll(async () => {
  built = await node(['examples/lambda/build.mjs']);
});

it('weighs far less than what Lambda takes', () => {
  expect(built).toMatch(/dist: \d\.\d MB of at most 250 MB/);
});

it('writes a text, the same for the same seed, and refuses what is none', async () => {
  const request = { prompt: 'Once upon a time', maxTokens: 12, temperature: 0 };
  const twice = `await Promise.all([1, 2].map(() => ask(${JSON.stringify(JSON.stringify(request))})))`;
  const text = ', there was a little girl named Lily. She';
  const body = JSON.stringify({ text, tokens: 12, finishReason: 'length' });
  const headers = { 'content-type': 'application/json' };
  expect(
    await inFunction(`[...${twice}, await ask('{'), await ask('{}'), await ask('{"prompt":"a","maxTokens":-1}')]`),
  ).toEqual([
    { statusCode: 200, headers, body },
    { statusCode: 200, headers, body },
    { statusCode: 400, headers, body: '{"error":"expected a body of JSON"}' },
    { statusCode: 400, headers, body: '{"error":"expected a prompt"}' },
    { statusCode: 400, headers, body: '{"error":"expected max-tokens of 0 or more, got -1"}' },
  ]);
});

it('answers before its time is over, with what it has', async () => {
  const request = JSON.stringify(JSON.stringify({ prompt: 'Once upon a time', maxTokens: 400 }));
  expect(await inFunction(`JSON.parse((await ask(${request}, 500)).body)`)).toEqual({
    text: expect.any(String),
    finishReason: 'time',
  });
});

it('could not have written: the test refuses that', async () => {
  const write = `import('node:fs').then(({ writeFileSync }) => writeFileSync('${folder}/x', '')).catch(({ code }) => code)`;
  expect(await inFunction(`await ${write}`)).toBe('ERR_ACCESS_DENIED');
});
