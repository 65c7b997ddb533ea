import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonFault } from '../../dist/ts-src/gateway/json-fault.js';
import { parseJsonInput } from '../../dist/ts-src/gateway/json-input.js';

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** JSON with a few characters changed, taken out or put in. */
const nearlyJson = fc
  .tuple(fc.json(), fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'[]{},:"\\truefalsn0123.eE+- \n\u0001')), { maxLength: 3 }))
  .map(([text, changes]) =>
    changes.reduce((changed, [at, removed, put]) => {
      const position = at % (changed.length + 1);
      return changed.slice(0, position) + put + changed.slice(position + removed);
    }, text),
  );

test('a text has a fault exactly when JSON.parse refuses it', () => {
  fc.assert(
    fc.property(nearlyJson, (text) => (jsonFault(text) === undefined) === isJson(text)),
    { numRuns: 5000 },
  );
});

test('the position is the one JSON.parse names, where it names one', () => {
  fc.assert(
    fc.property(nearlyJson, (text) => {
      try {
        JSON.parse(text);
      } catch (error) {
        const named = /at position (\d+)/.exec((error as Error).message)?.[1];
        const fault = jsonFault(text);
        if (named === undefined || fault === undefined) return;
        // Inside a number, word or string it names the character; we name where the number, word or string begins, or ends too early.
        expect(fault.position).toBeLessThanOrEqual(Number(named));
        expect(text.slice(fault.position, Number(named))).toMatch(/^(?:"[\s\S]*|[-+.\w\\]*)$/);
      }
    }),
    { numRuns: 5000 },
  );
});

test.each([
  ['', 0, 1, 1, 'a value'],
  ['{"a":1,}', 7, 1, 8, 'a key in double quotes'],
  ['[1,\n2,\n]', 7, 3, 1, 'a value'],
  ['{"a" 1}', 5, 1, 6, "':'"],
  ["{'a':1}", 1, 1, 2, "a key in double quotes or '}'"],
  ['[1 2]', 3, 1, 4, "',' or ']'"],
  ['{"a":1', 6, 1, 7, "',' or '}'"],
  ['1 2', 2, 1, 3, 'the end of the text'],
  ['[tru]', 1, 1, 2, "a value or ']'"],
  ['[1}', 2, 1, 3, "',' or ']'"],
])('%j has its fault at %i', (text, position, line, column, expected) => {
  const fault = jsonFault(text);
  expect(fault).toMatchObject({ position, line, column });
  expect(fault?.message).toContain(`expected ${expected} at`);
});

test('what is taken is what JSON.parse makes of it', () => {
  const ordinary = fc.json().filter((text) => !text.includes('__proto__'));
  fc.assert(
    fc.property(ordinary, (text) => {
      expect(parseJsonInput(text)).toEqual(JSON.parse(text));
    }),
  );
});
