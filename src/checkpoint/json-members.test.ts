import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withMember, withoutMember } from './json-members.js';

const value = { method: 'm', of: ['a', 'b'] };

test('a member is added as the file is written', () => {
  expect(withMember('{\n  "a": 1,\n  "b": {"c": "}\\","}\n}\n', 'q', value)).toBe(
    '{\n  "a": 1,\n  "b": {"c": "}\\","},\n  "q": {\n    "method": "m",\n    "of": [\n      "a",\n      "b"\n    ]\n  }\n}\n',
  );
  expect(withMember('{"a":1}', 'q', value)).toBe('{"a":1,"q": {"method":"m","of":["a","b"]}}');
  expect(withMember('{"a": 1, "b": 2}', 'q', 0)).toBe('{"a": 1, "b": 2, "q": 0}');
  expect(withMember(' { } ', 'q', 0)).toBe(' {"q": 0 } ');
  expect(withMember('{\r\n\t"a": [1,\r\n2] }', 'q', [0])).toBe('{\r\n\t"a": [1,\r\n2],\r\n\t"q": [\n\t\t0\n\t] }');
});

test('a member is taken out wherever it stands, also twice, and no other of that name', () => {
  expect(withoutMember('{"q": {"x": [1, {"q": 2}]}, "a": {"q": 1}}', 'q')).toBe('{"a": {"q": 1}}');
  expect(withoutMember('{"a": 1, "q": "}", "b": 2, "\\u0071":[ ] }', 'q')).toBe('{"a": 1, "b": 2 }');
  expect(withoutMember('{ "q": 1 }', 'q')).toBe('{  }');
  expect(withoutMember('{"a": "q"}', 'q')).toBe('{"a": "q"}');
  expect(withoutMember(`{${'"q":0,'.repeat(100_000)}"a":1}`, 'q')).toBe('{"a":1}');
});

test('any object: what was added is there, and taking it out restores every byte', () => {
  const gap = fc.constantFrom(undefined, 0, 1, 2, 4, '\t');
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
      fc.jsonValue(),
      gap,
      (object, added, indent) => {
        delete object.q;
        const text = `${JSON.stringify(object, null, indent)}\n`;
        const more = withMember(text, 'q', added);
        // Through JSON: the reader makes members of what assignment would not (__proto__).
        expect(JSON.stringify(JSON.parse(more).q)).toBe(JSON.stringify(JSON.parse(JSON.stringify(added))));
        expect(Object.keys(JSON.parse(more))).toHaveLength(Object.keys(JSON.parse(text)).length + 1);
        expect(withoutMember(more, 'q')).toBe(text);
      },
    ),
    { numRuns: 500 },
  );
});
