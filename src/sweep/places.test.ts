// Where the words of a plan lead.

import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { home, hub, partials, useHub, variables } from '../../test/hub-rig.js';
import { embeddedFolder, embeddedTexts } from '../checkpoint/embedded.js';
import { modelPlace, modelPlaceOffline, sourcePlace } from './places.js';

describe('a model of the Hub', () => {
  useHub();
  beforeEach(() => {
    for (const [name, value] of Object.entries(variables())) vi.stubEnv(name, value);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('is its commit, whatever becomes of the branch', async () => {
    const found = await modelPlace('org/tiny', home, {});
    expect(found).toEqual({ place: `org/tiny@${hub.commit}`, identity: `org/tiny@${hub.commit}` });
    expect(await modelPlace(found.place, home, {})).toEqual(found);
  });

  it('is not downloaded by a dry run', async () => {
    expect(await modelPlaceOffline('org/tiny', home, {})).toEqual({ place: 'org/tiny', identity: null });
    const found = await modelPlace('org/tiny', home, {});
    expect(await modelPlaceOffline('org/tiny', home, {})).toEqual(found);
    expect(await partials()).toEqual([]);
    await expect(modelPlaceOffline('./none', home, {})).rejects.toThrow('got no such folder');
  });
});

describe('a folder', () => {
  it('is found from that of the plan', async () => {
    const found = await modelPlace('embedded', '/', {});
    expect(found.place).toBe(embeddedFolder);
    expect(found.identity).toContainEqual(['config.json', expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(await modelPlace('./embedded', resolve(embeddedFolder, '..'), {})).toEqual(found);
    expect(await modelPlace(embeddedFolder, '/', {})).toEqual(found);
    expect(await modelPlaceOffline('../embedded', embeddedFolder, {})).toEqual(found);
  });
});

describe('sourcePlace', () => {
  it.each([
    ['embedded', embeddedTexts.evaluation],
    ['./embedded', '/plans/embedded'],
    ['a.txt', '/plans/a.txt'],
    ['../a.txt', '/a.txt'],
    ['/b.txt', '/b.txt'],
    ['c4=a.jsonl', 'c4=/plans/a.jsonl'],
    ['ptb=/p', 'ptb=/p'],
    ['x=y', '/plans/x=y'],
    // These are refused where they are read.
    ['c4', 'c4'],
    ['c4=', 'c4='],
  ])('%s is %s', (word, source) => expect(sourcePlace(word, '/plans', 'evaluation')).toBe(source));

  it('knows both embedded texts', () => {
    expect(sourcePlace('embedded', '.', 'calibration')).toBe(embeddedTexts.calibration);
    expect(sourcePlace('a', '.', 'calibration')).toBe(join(process.cwd(), 'a'));
  });
});
