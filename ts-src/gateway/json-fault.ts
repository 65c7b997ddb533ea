/**
 * Where and why a text is not JSON. `JSON.parse` decides whether it is; this is asked only when it refused, because its messages name no position in many
 * cases and differ between versions of Node.
 */

export interface JsonFault {
  /** Index into the text, from 0. */
  readonly position: number;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly message: string;
}

const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a JSON string may not hold
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const PLAIN = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or ]' | ', or }' | 'end';

const NAMES: Readonly<Record<Expected, string>> = {
  value: 'a value',
  'value or ]': "a value or ']'",
  key: 'a key in double quotes',
  'key or }': "a key in double quotes or '}'",
  ':': "':'",
  ', or ]': "',' or ']'",
  ', or }': "',' or '}'",
  end: 'the end of the text',
};

/** The first fault of a text, or undefined if it is JSON. No recursion: the text may be nested as deeply as it likes. */
export function jsonFault(text: string): JsonFault | undefined {
  const open: ('[' | '{')[] = [];
  let expected: Expected = 'value';
  let at = 0;
  const afterValue = (): Expected => {
    const inside = open[open.length - 1];
    return inside === undefined ? 'end' : inside === '[' ? ', or ]' : ', or }';
  };
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  for (;;) {
    take(SPACE);
    if (at >= text.length) return expected === 'end' ? undefined : fault(text, at, expected);
    const character = text[at] as string;
    const closes = (character === ']' && expected.endsWith(']')) || (character === '}' && expected.endsWith('}'));
    if (closes) {
      at++;
      open.pop();
      expected = afterValue();
    } else if (expected.startsWith('value')) {
      if (character === '[' || character === '{') {
        at++;
        open.push(character);
        expected = character === '[' ? 'value or ]' : 'key or }';
      } else if (take(STRING) || take(PLAIN)) expected = afterValue();
      else return fault(text, at, expected);
    } else if (expected.startsWith('key')) {
      if (!take(STRING)) return fault(text, at, expected);
      expected = ':';
    } else if (expected === ':' && character === ':') {
      at++;
      expected = 'value';
    } else if (expected.startsWith(',') && character === ',') {
      at++;
      expected = expected === ', or ]' ? 'value' : 'key';
    } else return fault(text, at, expected);
  }
}

function fault(text: string, position: number, expected: Expected): JsonFault {
  const before = text.slice(0, position);
  const line = before.split('\n').length;
  const column = position - before.lastIndexOf('\n');
  const found = position >= text.length ? 'the text ends' : `found ${JSON.stringify(text.slice(position, position + 20))}`;
  return { position, line, column, message: `expected ${NAMES[expected]} at line ${line}, column ${column} (position ${position}), but ${found}` };
}
