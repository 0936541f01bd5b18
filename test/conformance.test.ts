// Every operation of every backend against the reference: the same operands, results within the noise of their type, masks
// exact. Cases are in conformance/cases.ts, backends in conformance/backends.ts; this file only brings them together.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.js';
import { BackendError } from '../src/errors.js';
import { candidates } from './conformance/backends.js';
import { complaint, resultsOf } from './conformance/case.js';
import { cases } from './conformance/cases.js';
import { refusals } from './conformance/refusals.js';
import { Rig } from './conformance/rig.js';

for (const { name, create, skip, room } of candidates) {
  describe.skipIf(skip !== undefined)(name, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await create();
    });
    afterAll(() => backend?.dispose());

    describe.each(['whole', 'inside'] as const)('operands %s', (placement) => {
      for (const test of cases) {
        it(test.name, async () => {
          expect(await complaint(test, await resultsOf(test, backend, { placement, room }))).toBeNull();
        });
      }
    });

    for (const { message, call } of refusals) {
      it(`refuses: ${message}`, async () => {
        const rig = new Rig(backend, 1);
        const attempt = (async () => call(rig))();
        await expect(attempt).rejects.toThrow(BackendError);
        await expect(attempt).rejects.toThrow(message);
        rig.clear();
      });
    }
  });
}
