// A Gram matrix is symmetric to the bit, or what solves with it would see two matrices; and it is the cross matrix of an
// input with itself.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { candidates } from './backends.js';
import { mixed } from './draws.js';
import { Rig } from './rig.js';

for (const { name, create, skip, room } of candidates) {
  describe.skipIf(skip !== undefined)(name, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await create();
    });
    afterAll(() => backend?.dispose());

    it.each([
      [3, 5],
      [257, 37],
      [480, 129],
      [300, 200],
    ])('addGram of %i×%i gives both halves the same bits, and addCross these', async (rows, columns) => {
      const rig = new Rig(backend, 8, { room });
      const x = rig.f32([rows, columns], mixed);
      const gram = rig.f64([columns, columns], () => 0);
      backend.addGram(gram, x);
      const values = await backend.read(gram);
      const mirrored = values.map((_, i) => values[(i % columns) * columns + Math.floor(i / columns)]);
      expect(mirrored).toEqual(values);
      const cross = rig.f64([columns, columns], () => 0);
      backend.addCross(cross, x, x);
      expect(await backend.read(cross)).toEqual(values);
      rig.clear();
    });
  });
}
