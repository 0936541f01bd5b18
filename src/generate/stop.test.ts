import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopTexts } from './stop.js';

function run(stops: string[], pieces: string[]) {
  const watcher = new StopTexts(stops);
  return { text: pieces.map((piece) => watcher.push(piece)).join('') + watcher.end(), found: watcher.found };
}

const word = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });

describe('StopTexts', () => {
  it('holds back what may become a stop text, and no more', () => {
    const watcher = new StopTexts(['\n\n', 'END']);
    expect(watcher.push('some text\n')).toBe('some text');
    expect(watcher.push('more E')).toBe('\nmore ');
    expect(watcher.push('N')).toBe('');
    expect(watcher.push('V')).toBe('ENV');
    expect(watcher.push('EN')).toBe('');
    expect(watcher.found).toBeUndefined();
    expect(watcher.push('D of it')).toBe('');
    expect(watcher.found).toBe('END');
    expect(watcher.push('x') + watcher.end()).toBe('');
  });

  it('cuts where the first stop text is complete, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 3 }), fc.array(word, { maxLength: 6 }), (stops, pieces) => {
        const whole = pieces.join('');
        const result = run(stops, pieces);
        expect(result).toEqual(run(stops, [whole]));
        expect(stops.some((stop) => whole.includes(stop))).toBe(result.found !== undefined);
        expect(whole.startsWith(result.text + (result.found ?? ''))).toBe(true);
        if (result.found === undefined) expect(result.text).toBe(whole);
        for (const stop of stops) expect(result.text.includes(stop)).toBe(false);
      }),
    );
  });

  it('refuses an empty stop text', () => {
    expect(() => new StopTexts([''])).toThrow('expected a stop text of at least one character, got an empty one');
  });
});
